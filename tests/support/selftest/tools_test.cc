// The client, contents, and the small tools that tests use.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "tests/support/child_process.h"
#include "tests/support/metrics.h"
#include "tests/support/selftest/one_blob.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait.h"

namespace weir::testing {

TEST_CASE("digests are those of the standard's examples") {
  CHECK(digest_of("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of("", Algorithm::sha512).substr(0, 23) == "sha512:cf83e1357eefb8bd");
  Hasher hasher;
  hasher.update("a");
  CHECK(hasher.digest() == digest_of("a"));
  hasher.update("bc");
  CHECK(hasher.digest() == digest_of("abc"));
}

TEST_CASE("a generated content is the same at every offset, for every reader, for ever") {
  auto content = Content::generated(100'003, 7);
  auto whole = content.text();
  for (std::uint64_t offset : {0, 1, 7, 8, 9, 4096, 99'990}) CHECK(content.slice(offset, 13) == whole.substr(offset, 13));
  CHECK(digest_of(whole) == content.digest());
  CHECK(Content::generated(100'003, 8).digest() != content.digest());
  CHECK(Content::generated(16, 1).digest() == "sha256:b2492a326b5077a180af19c307974b007c40cd9568f3701a20d154c2e5246923");
  CHECK_THROWS(content.slice(100'000, 4));
  CHECK(Content::generated(16, 1, "sha256:00").digest() == "sha256:00");
}

TEST_CASE("the client speaks over a unix socket") {
  TemporaryDirectory directory;
  auto path = directory.file("socket");
  FileDescriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  HttpClient client("unix:" + path);
  Stream server(FileDescriptor(::accept(listening.get(), nullptr, nullptr)));
  client.send_request("POST", "/x", {}, "body");
  CHECK(server.read_until("body", 1000, within(kPatience)).text.find("Host: localhost\r\nContent-Length: 4\r\n\r\n") !=
        std::string::npos);
  CHECK(server.write_all("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Fine indeed\r\nContent-Length: 2\r\n\r\nok",
                         within(kPatience)) == Io::done);
  auto response = client.read_response();
  CHECK(response.reason == "Fine indeed");
  CHECK(response.body == "ok");
}

TEST_CASE("a client's waits end") {
  OneBlob one;
  one.upstream.hold("/blobs/");
  HttpClient client(one.upstream.url(), {.timeout = Milliseconds(30)});
  CHECK(client.get(one.path).failure == "no head: timed out after 0 bytes");
  CHECK(!client.closed_within(Milliseconds(1)));
}

TEST_CASE("metrics are summed over the labels that are not asked for") {
  auto metrics = Metrics::parse(
      "# HELP weir_x_total what\n# TYPE weir_x_total counter\n"
      "weir_x_total{a=\"1\",b=\"say \\\"hi\\\"\"} 3\nweir_x_total{a=\"2\",b=\"\"} 4 1700000000\n"
      "weir_size_bytes 1.5e3\nweir_seconds_bucket{le=\"+Inf\"} 9\n");
  CHECK(metrics.value("weir_x_total") == 7);
  CHECK(metrics.value("weir_x_total", {{"b", "say \"hi\""}}) == 3);
  CHECK(metrics.value("weir_size_bytes") == 1500);
  CHECK(metrics.value("weir_seconds_bucket", {{"le", "+Inf"}}) == 9);
  CHECK(metrics.value("weir_none_total") == 0);
  CHECK(metrics.by_text().at("weir_x_total{a=\"2\",b=\"\"}") == 4);
}

TEST_CASE("a child is watched, signalled and reaped") {
  TemporaryDirectory directory;
  ChildProcess child({.arguments = {"sh", "-c", "echo $GREETING; cat; exec sleep 100"},
                      .environment = {"GREETING=hello", "PATH=/usr/bin:/bin"},
                      .input_file = directory.write("in", "world\n"),
                      .output_file = directory.file("out")});
  CHECK(wait_until([&] { return read_file(directory.file("out")) == "hello\nworld\n"; }));
  CHECK(child.open_descriptors() == 3);
  CHECK(wait_until([&] { return child.peak_rss_anon_kib() > 0; }));
  CHECK(child.running());
  child.signal(15);
  CHECK(child.wait_for_exit() == -15);
  CHECK(ChildProcess({.arguments = {"/nowhere"}}).wait_for_exit() == 127);
}

TEST_CASE("a temporary directory goes with its owner") {
  std::filesystem::path path;
  {
    TemporaryDirectory directory;
    path = directory.path();
    CHECK(read_file(directory.write("a/b", "text")) == "text");
  }
  CHECK(!std::filesystem::exists(path));
}

}  // namespace weir::testing
