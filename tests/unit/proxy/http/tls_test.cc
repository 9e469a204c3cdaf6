// A session over a socket pair, its client in the same thread: each side moves only when it is told to.
#include "proxy/http/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "proxy/http/socket.h"
#include "tests/unit/base/certificates.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Kind = Io::Kind;

namespace {

CertifiedKey certified(const std::string& name) {
  const Scratch scratch;
  const auto pair = make_certificate(name);
  write_file(scratch.file("pem"), pair.certificate);
  write_file(scratch.file("key"), pair.key);
  return *CertifiedKey::load(scratch.file("pem"), scratch.file("key"));
}

std::shared_ptr<const TlsContext> context() {
  static const auto made = *TlsContext::make({certified("one.test"), certified("two.test")});
  return made;
}

// Both ends. Small buffers, so that a few records fill them.
struct Pair {
  UniqueFd near, far;
  std::unique_ptr<Socket> server;
  SSL_CTX* client_context = SSL_CTX_new(TLS_client_method());
  SSL* client = nullptr;

  explicit Pair(int version = TLS1_3_VERSION, const char* name = nullptr) {
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    far = UniqueFd(ends[1]);
    server = std::make_unique<Socket>(UniqueFd(ends[0]), context());
    SSL_CTX_set_min_proto_version(client_context, version);
    SSL_CTX_set_max_proto_version(client_context, version);
    client = SSL_new(client_context);
    SSL_set_fd(client, far.get());
    if (name) SSL_set_tlsext_host_name(client, name);
    SSL_set_connect_state(client);
  }
  ~Pair() {
    SSL_free(client);
    SSL_CTX_free(client_context);
  }

  // Both shake hands until neither moves. What the server came to.
  Io shake() {
    Io io;
    for (int turn = 0; turn < 10; ++turn) {
      ERR_clear_error();
      SSL_do_handshake(client);
      io = server->tls()->handshake();
      if (io.kind != Kind::wants_read && SSL_is_init_finished(client)) return io;
    }
    return io;
  }
  std::string client_reads(std::size_t most = 1 << 20) {
    std::string got(most, '\0');
    std::size_t size = 0, count = 0;
    ERR_clear_error();
    while (size < most && SSL_read_ex(client, got.data() + size, most - size, &count) == 1) size += count;
    got.resize(size);
    return got;
  }
  std::string shown_name() const {
    X509* shown = SSL_get1_peer_certificate(client);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    X509_free(shown);
    return name;
  }
};

}  // namespace

TEST_CASE("a handshake wants more until it is done, and bytes go both ways after it") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Pair pair(version);
    CHECK(pair.server->tls()->handshake().kind == Kind::wants_read);
    REQUIRE(pair.shake().kind == Kind::bytes);
    CHECK_FALSE(pair.server->tls()->resumed());
    char buffer[64];
    CHECK(pair.server->receive(buffer, sizeof buffer).kind == Kind::wants_read);
    REQUIRE(SSL_write(pair.client, "hello", 5) == 5);
    // Less room than bytes: the rest is there although the socket is empty.
    auto io = pair.server->receive(buffer, 3);
    CHECK(std::string(buffer, io.bytes) == "hel");
    io = pair.server->receive(buffer, sizeof buffer);
    CHECK(std::string(buffer, io.bytes) == "lo");
    CHECK(pair.server->receive(buffer, sizeof buffer).kind == Kind::wants_read);
    // Head and body are one record.
    CHECK(pair.server->send("head ", "body", false).bytes == 9);
    CHECK(pair.client_reads() == "head body");
  }
}

TEST_CASE("what a full socket did not take goes on where it stopped, from wherever the bytes are then") {
  Pair pair;
  REQUIRE(pair.shake().kind == Kind::bytes);
  std::string bytes(4 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 24);
  std::string got;
  unsigned full = 0;
  for (std::size_t sent = 0; sent < bytes.size();) {
    const std::string copy = bytes.substr(sent);  // never at the same place twice
    const auto io = pair.server->send({}, copy, false);
    if (io.kind == Kind::bytes) {
      sent += io.bytes;
      continue;
    }
    REQUIRE(io.kind == Kind::wants_write);
    ++full;
    got += pair.client_reads(100'000);
  }
  got += pair.client_reads(8 << 20);
  CHECK(full > 5);
  CHECK((got == bytes));
}

TEST_CASE("a file goes over whole, also where it stops in between, and one that ends early is corrupt") {
  const Scratch scratch;
  std::string bytes(3'000'001, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 24);
  write_file(scratch.file("blob"), bytes);
  const UniqueFd file(::open(scratch.file("blob").c_str(), O_RDONLY | O_CLOEXEC));
  Pair pair, other;
  REQUIRE(pair.shake().kind == Kind::bytes);
  REQUIRE(other.shake().kind == Kind::bytes);
  std::string got;
  for (std::uint64_t sent = 0; sent < bytes.size();) {
    const auto io = pair.server->send_file(file.get(), sent, bytes.size() - sent);
    REQUIRE(io.ok());
    if (io->kind == Kind::bytes) {
      sent += io->bytes;
      continue;
    }
    REQUIRE(io->kind == Kind::wants_write);
    // Another connection of the thread has its turn meanwhile.
    CHECK(other.server->send("between", "times", false).bytes == 12);
    CHECK(other.client_reads() == "betweentimes");
    got += pair.client_reads(100'000);
  }
  got += pair.client_reads(4 << 20);
  CHECK((got == bytes));
  const auto beyond = pair.server->send_file(file.get(), bytes.size(), 10);
  REQUIRE_FALSE(beyond.ok());
  CHECK(beyond.error().failure == Failure::corrupt);
}

TEST_CASE("an end that is announced is told from one that is not") {
  Pair meant, cut;
  REQUIRE(meant.shake().kind == Kind::bytes);
  REQUIRE(cut.shake().kind == Kind::bytes);
  for (int i = 0; i < 2; ++i) CHECK(meant.server->announce_end().kind == Kind::bytes);
  char byte;
  std::size_t count = 0;
  for (auto* pair : {&meant, &cut}) {
    pair->server->close();
    ERR_clear_error();
    const int result = SSL_read_ex(pair->client, &byte, 1, &count);
    CHECK((SSL_get_error(pair->client, result) == SSL_ERROR_ZERO_RETURN) == (pair == &meant));
  }
}

TEST_CASE("a client's end is an end, with close_notify and without; only the socket's is a departure") {
  Pair polite, rude;
  for (auto* pair : {&polite, &rude}) {
    REQUIRE(pair->shake().kind == Kind::bytes);
    char byte;
    CHECK(pair->client_reads().empty());  // the tickets: a close over unread bytes would be a reset
    CHECK_FALSE(pair->server->hung_up());
    if (pair == &polite) {
      SSL_shutdown(pair->client);
      CHECK_FALSE(pair->server->hung_up());
    }
    pair->far.reset();
    CHECK(pair->server->hung_up());  // although close_notify was not read yet
    CHECK(pair->server->receive(&byte, 1).kind == Kind::ended);
    CHECK(pair->server->send("x", {}, false).kind == Kind::broken);
  }
}

TEST_CASE("a request in the clear is recognized, other noise is only broken, and neither harms the next session") {
  for (const std::string first : {"GET / HTTP/1.1\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH\r\n"}) {
    Pair pair, next;
    REQUIRE(::send(pair.far.get(), first.data(), first.size(), 0) > 0);
    CHECK(pair.server->tls()->handshake().kind == Kind::broken);
    CHECK(pair.server->tls()->met_plain_http() == !first.starts_with("SSH"));
    CHECK(next.shake().kind == Kind::bytes);
  }
}

TEST_CASE("a session is shown the certificate for the name it asks for, else the first") {
  for (const auto& [asked, shown] :
       {std::pair("one.test", "one.test"), std::pair("two.test", "two.test"), std::pair("three.test", "one.test"),
        std::pair<const char*, const char*>(nullptr, "one.test")}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      Pair pair(version, asked);
      REQUIRE(pair.shake().kind == Kind::bytes);
      CHECK(pair.shown_name() == shown);
    }
  }
}

TEST_CASE("a context that was replaced lives as long as its last session") {
  auto own = *TlsContext::make({certified("one.test"), certified("two.test")});
  const std::weak_ptr<const TlsContext> watched = own;
  Pair pair(TLS1_3_VERSION, "two.test");
  pair.server->drop_tls();
  auto session = std::make_unique<TlsSession>(std::move(own), pair.server->fd());
  own.reset();
  CHECK_FALSE(watched.expired());
  for (int turn = 0; turn < 3; ++turn) {
    SSL_do_handshake(pair.client);
    (void)session->handshake();
  }
  CHECK(pair.shown_name() == "two.test");
  session.reset();
  CHECK(watched.expired());
}
