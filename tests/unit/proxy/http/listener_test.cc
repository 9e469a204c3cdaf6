#include "proxy/http/listener.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/base/scratch.h"
#include "tests/unit/proxy/http/client.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

bool has_ipv6() {
  const auto listener = listen_on("[::1]:0");
  return listener.ok();
}

// The peer's address of a connection just made to `listener`.
std::string accepted_from(const Listener& listener) {
  UniqueFd accepted;
  comes_true([&] {
    accepted = UniqueFd(::accept(listener.fd.get(), nullptr, nullptr));
    return accepted.valid();
  });
  return peer_address(accepted.get());
}

}  // namespace

TEST_CASE("port 0 is a port of the kernel's choice, and the address says which") {
  const auto listener = listen_on("127.0.0.1:0");
  REQUIRE(listener.ok());
  CHECK(listener->address.starts_with("127.0.0.1:"));
  CHECK_FALSE(listener->address.ends_with(":0"));
  const Client client(listener->address);
  CHECK(accepted_from(*listener).starts_with("127.0.0.1:"));
}

TEST_CASE("a name is looked up") {
  const auto listener = listen_on("localhost:0");
  REQUIRE(listener.ok());
  CHECK((listener->address.starts_with("127.0.0.1:") || listener->address.starts_with("[::1]:")));
}

TEST_CASE("an IPv6 address stands in brackets, both ways") {
  if (!has_ipv6()) return;
  const auto listener = listen_on("[::1]:0");
  REQUIRE(listener.ok());
  CHECK(listener->address.starts_with("[::1]:"));
  const Client client(listener->address);
  CHECK(accepted_from(*listener).starts_with("[::1]:"));
}

TEST_CASE("a star, or nothing, is every address of both families") {
  for (const std::string address : {"*:0", ":0"}) {
    const auto listener = listen_on(address);
    REQUIRE(listener.ok());
    const auto port = listener->address.substr(listener->address.rfind(':'));
    const Client over_v4("127.0.0.1" + port);
    CHECK(accepted_from(*listener).starts_with("127.0.0.1:"));  // not ::ffff:127.0.0.1
    if (!has_ipv6()) continue;
    const Client over_v6("[::1]" + port);
    CHECK(accepted_from(*listener).starts_with("[::1]:"));
  }
}

TEST_CASE("what is no address is invalid") {
  for (const std::string bad : {"", "5000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
                                "256.0.0.1:0", "[::1:0", "no-such-host.invalid:0", "127.0.0.1:0x50"}) {
    const auto listener = listen_on(bad);
    REQUIRE_FALSE(listener.ok());
    CHECK_MESSAGE(listener.error().failure == Failure::invalid, bad);
  }
}

TEST_CASE("an address that is taken is an error that names it") {
  const auto first = listen_on("127.0.0.1:0");
  REQUIRE(first.ok());
  const auto second = listen_on(first->address);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().failure == Failure::io);
  CHECK(second.error().what.find(first->address) != std::string::npos);
}

TEST_CASE("a unix socket is for its owner alone, replaces a dead one and not a live one") {
  const Scratch scratch;
  const auto path = scratch.file("sock");
  {
    const auto listener = listen_on_unix(path);
    REQUIRE(listener.ok());
    CHECK(listener->address == "unix:" + path);
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    const auto second = listen_on_unix(path);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().failure == Failure::conflict);
    const Client client("unix:" + path);
  }
  CHECK(exists(path));  // the dead one's name
  CHECK(listen_on_unix(path).ok());
}

TEST_CASE("what is no socket is not removed to make room for one") {
  const Scratch scratch;
  write_file(scratch.file("file"), "precious");
  CHECK_FALSE(listen_on_unix(scratch.file("file")).ok());
  CHECK(read_file(scratch.file("file")) == "precious");
}

TEST_CASE("a unix socket's path is at most 107 bytes") {
  const auto listener = listen_on_unix("/tmp/" + std::string(103, 'x'));
  REQUIRE_FALSE(listener.ok());
  CHECK(listener.error().failure == Failure::invalid);
}

TEST_CASE("a socket somebody else listens on is taken over as it is") {
  auto made = listen_on("127.0.0.1:0");
  REQUIRE(made.ok());
  const auto address = made->address;
  const int fd = made->fd.release();
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const auto adopted = adopt_listener(fd);
  REQUIRE(adopted.ok());
  CHECK(adopted->address == address);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("what is no socket is no listener") {
  const Scratch scratch;
  write_file(scratch.file("file"), "x");
  CHECK_FALSE(adopt_listener(::open(scratch.file("file").c_str(), O_RDONLY | O_CLOEXEC)).ok());
}
