// Silence ends things; slowness does not.
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/scenario/scene.h"
#include "tests/support/file_descriptor.h"

namespace weir::testing {

namespace {

// A port on which nobody accepts and whose queue is full: who connects waits for an answer that does not come.
class FullListener {
 public:
  FullListener() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), size) == 0);
    REQUIRE(::listen(listener_.get(), 0) == 0);
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size) == 0);
    for (auto& each : waiting_) {
      each = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      (void)::connect(each.get(), reinterpret_cast<sockaddr*>(&address_), size);
    }
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  FileDescriptor listener_;
  sockaddr_in address_{};
  FileDescriptor waiting_[4];
};

}  // namespace

TEST_CASE("the head goes out as soon as the upstream has answered, before any byte of the body (pain 3)") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 0);
  HttpClient client(scene.weir.url());
  auto started = Clock::now();
  REQUIRE(client.send_request("GET", blob.path));
  auto head = client.read_head().value_or(ResponseHead{});
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(kMiB));
  CHECK(Clock::now() - started < kPatience);
  CHECK(scene.upstream.journal().body_bytes() == 0);
  gate->release();
  CHECK(client.finish_body().digest == blob.digest);
}

TEST_CASE("bytes go on to the client as they come, not when the blob is whole (pain 3)") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 10'000);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(client.read_head());
  CHECK(client.read_body(10'000) == blob.content.slice(0, 10'000));
  gate->advance_to(500'000);
  CHECK(client.read_body(490'000) == blob.content.slice(10'000, 490'000));
  gate->release();
  CHECK(client.read_body(kMiB) == blob.content.slice(500'000, kMiB - 500'000));
}

TEST_CASE("manifests never wait for blobs (pain 3)") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(kMiB, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  auto gate = scene.upstream.hold("/blobs/", 1000);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob_path("app", image.layer_digest(0))));
  REQUIRE(gate->wait_until_reached());
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  gate->release();
  CHECK(client.read_response(Body::hash).complete);
}

TEST_CASE("a client that drips its head is told 408 when header-timeout has passed, however it drips") {
  Scene scene({.sections = "[server]\nheader-timeout = 400ms\n"});
  HttpClient silent(scene.weir.url());
  REQUIRE(silent.send("GET /v2/ HTTP/1.1\r\nHost: x\r\n"));
  CHECK(silent.read_response().status == 408);
  CHECK(silent.closed_within(kPatience));

  HttpClient dripping(scene.weir.url());
  auto started = Clock::now();
  REQUIRE(dripping.send("GET /v2/ HTTP/1.1\r\nX-Long: "));
  while (Clock::now() - started < kPatience && dripping.send("a") && !dripping.closed_within(Milliseconds(20))) {
  }
  CHECK(Clock::now() - started < Milliseconds(5000));
  CHECK(Clock::now() - started > Milliseconds(300));
  // A connection that carried a request before is no different.
  HttpClient second(scene.weir.url());
  CHECK(second.get("/v2/").status == 200);
  REQUIRE(second.send("GET"));
  CHECK(second.read_response().status == 408);
}

TEST_CASE("an idle connection is closed without a word after idle-timeout, and not before") {
  Scene scene({.sections = "[server]\nidle-timeout = 500ms\n"});
  HttpClient fresh(scene.weir.url());
  HttpClient used(scene.weir.url());
  auto started = Clock::now();
  CHECK(used.get("/v2/").status == 200);
  CHECK(fresh.read_until_closed() == "");
  CHECK(used.read_until_closed() == "");
  CHECK(Clock::now() - started > Milliseconds(400));
  CHECK(Clock::now() - started < Milliseconds(5000));
}

TEST_CASE("a client that stops reading is cut after progress-timeout; the blob is filled all the same") {
  Scene scene({.sections = "[server]\nprogress-timeout = 400ms\n"});
  auto blob = scene.put_blob(32 * kMiB);
  HttpClient asleep(scene.weir.url(), {.receive_buffer = 4096});
  REQUIRE(asleep.send_request("GET", blob.path));
  CHECK_SOON(scene.outcomes("blob"), "miss 1");
  CHECK_SOON(scene.fills(), "ok 1");
  auto response = asleep.read_response(Body::count);
  CHECK(!response.complete);
  CHECK(static_cast<double>(response.length) <= scene.sent("miss"));
}

TEST_CASE("an upstream that does not begin to answer is 504 after first-byte-timeout") {
  Scene scene({.upstream = "first-byte-timeout = 300ms\n"});
  auto blob = scene.put_blob(1000);
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  auto gate = scene.upstream.hold("/v2/");
  for (const auto& path : {blob.path, manifest_path("app", "latest")}) {
    auto started = Clock::now();
    auto response = scene.get(path);
    CHECK(response.status == 504);
    CHECK(error_code(response) == "UNAVAILABLE");
    CHECK(Clock::now() - started < Milliseconds(5000));
  }
  gate->release();
  CHECK_SOON(scene.get(blob.path).digest, blob.digest);
}

TEST_CASE("a cold request is answered before a node gives up, although its upstream never answers (pain 3)") {
  // containerd waits 30 s for a head. With a deadline for the first byte a third of that, repeated attempts must not
  // add up beyond it.
  Scene scene({.upstream = "first-byte-timeout = 1s\n"});
  auto blob = scene.put_blob(1000);
  auto gate = scene.upstream.hold(exactly(blob.path));
  auto started = Clock::now();
  CHECK(scene.get(blob.path).status == 504);
  CHECK(Clock::now() - started < Milliseconds(10'000));
  CHECK(scene.gets(blob.path) <= 2);
  gate->release();
}

TEST_CASE("a download that stands still is given up after stall-timeout and resumed (pains 16, 17)") {
  Scene scene({.upstream = "stall-timeout = 2s\n"});
  auto blob = scene.put_blob(kMiB);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = stalled_after(400'000)});
  auto response = scene.get(blob.path, {}, Body::hash);
  CHECK(response.complete);
  CHECK(response.digest == blob.digest);
  CHECK(scene.ranges(blob.path) == std::vector<std::string>{"", "bytes=400000-"});
  CHECK_SOON(scene.fills(), "ok 1");
}

TEST_CASE("a download that only drips is never given up, however long it takes (pain 17)") {
  Scene scene({.upstream = "stall-timeout = 1s\nfirst-byte-timeout = 1s\n", .sections = "[server]\nprogress-timeout = 1s\n"});
  auto blob = scene.put_blob(160'000);
  auto action = Action{};
  action.chunk_delay = Milliseconds(200);  // ten pieces: two seconds
  scene.upstream.add_rule({.path = exactly(blob.path), .action = action});
  auto started = Clock::now();
  auto response = scene.get(blob.path, {}, Body::hash);
  CHECK(response.digest == blob.digest);
  CHECK(Clock::now() - started > Milliseconds(1500));
  CHECK(scene.gets(blob.path) == 1);
}

TEST_CASE("a client that only sips is never cut (pain 17)") {
  Scene scene({.sections = "[server]\nprogress-timeout = 2s\n"});
  auto blob = scene.put_blob(8 * kMiB);
  HttpClient client(scene.weir.url(), {.receive_buffer = 65536});
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(client.read_head());
  auto started = Clock::now();
  Hasher hasher;
  for (;;) {
    // Three seconds for the first mebibytes, then as fast as it goes.
    if (Clock::now() - started < Milliseconds(3000)) std::this_thread::sleep_for(Milliseconds(100));
    auto piece = client.read_body(128 * kKiB);
    if (piece.empty()) break;
    hasher.update(piece);
  }
  CHECK(hasher.digest() == blob.digest);
}

TEST_CASE("an upstream that takes no connection holds nobody longer than connect-timeout") {
  FullListener full;
  WeirProcess weir("[upstream.up]\nurl = " + full.url() + "\ndefault = on\nconnect-timeout = 300ms\n");
  REQUIRE(weir.start());
  auto started = Clock::now();
  auto status = fetch(weir.url(), manifest_path("app", "latest")).status;
  CAPTURE(status);
  CHECK((status == 502 || status == 504));
  CHECK(Clock::now() - started < kPatience);
}

}  // namespace weir::testing
