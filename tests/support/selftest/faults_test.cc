// What the scripted upstream does wrong when it is told to, and how it waits.
#include <thread>
#include <vector>

#include "tests/support/selftest/one_blob.h"
#include "tests/support/wait.h"

namespace weir::testing {

TEST_CASE("a body can be cut short by FIN and by RST") {
  OneBlob one;
  one.once(truncated_after(1000));
  auto closed = one.get();
  CHECK(closed.status == 200);
  CHECK(!closed.complete);
  CHECK(closed.failure == "body ended by the peer");
  CHECK(closed.body == one.content.slice(0, 1000));
  one.once(reset_after(300'000));
  auto reset = one.get();
  CHECK(reset.failure == "body reset by the peer");
  CHECK(reset.length == 300'000);
  CHECK(one.get().digest == one.digest);
  REQUIRE(one.upstream.journal().wait_until_idle());
  auto entries = one.upstream.journal().requests();
  CHECK(entries[0].body_bytes == 1000);
  CHECK(!entries[0].whole);
  CHECK(entries[2].whole);
  CHECK(one.upstream.journal().body_bytes("GET", "/blobs/") == 1000 + 300'000 + kMiB);
}

TEST_CASE("a body can be wrong in every way") {
  OneBlob one;
  SUBCASE("a byte is corrupt where it lies in the blob, whichever part is asked for") {
    one.upstream.add_rule({.action = corrupted_at(500'000)});
    auto whole = one.get();
    CHECK(whole.complete);
    CHECK(whole.digest != one.digest);
    CHECK(one.get({{"Range", "bytes=0-499999"}}).body == one.content.slice(0, 500'000));
    CHECK(one.get({{"Range", "bytes=500000-500001"}}).body != one.content.slice(500'000, 2));
  }
  SUBCASE("it is longer") {
    one.once(longer_by(5));
    auto response = one.get();
    CHECK(response.complete);
    CHECK(response.body == one.content.text() + "xxxxx");
  }
  SUBCASE("Content-Length is too large") {
    one.once(claiming_length(kMiB + 1));
    auto response = one.get();
    CHECK(!response.complete);
    CHECK(response.digest == one.digest);
  }
  SUBCASE("Content-Length is too small") {
    one.once(claiming_length(10));
    HttpClient client(one.upstream.url());
    CHECK(client.get(one.path).body == one.content.slice(0, 10));
    CHECK(client.read_until_closed().size() == kMiB - 10);
  }
  SUBCASE("it has no Content-Length") {
    for (auto framing : {Framing::chunked, Framing::until_close}) {
      one.once(framed(framing));
      auto response = one.get();
      CHECK(!response.headers.has("Content-Length"));
      CHECK(response.complete);
      CHECK(response.digest == one.digest);
    }
  }
  SUBCASE("chunks break off") {
    Action action = framed(Framing::chunked);
    action.end_after = 2000;
    one.once(action);
    auto response = one.get();
    CHECK(!response.complete);
    CHECK(response.length == 2000);
  }
}

TEST_CASE("a head can be wrong in every way") {
  OneBlob one;
  auto failure_of = [&](Action action) {
    one.once(std::move(action));
    auto response = one.get();
    CHECK(response.status == 0);
    return response.failure;
  };
  CHECK(failure_of(no_answer()) == "no head: ended by the peer after 0 bytes");
  CHECK(failure_of(no_answer(Ending::reset)) == "no head: reset by the peer after 0 bytes");
  CHECK(failure_of(cut_head_after(20)) == "no head: ended by the peer after 20 bytes");
  CHECK(failure_of(garbage()).starts_with("not a response head"));
  one.once(huge_headers(200'000));
  CHECK(one.get().headers.text().size() > 200'000);
  one.once(without_header("Docker-Content-Digest"));
  CHECK(!one.get().headers.has("Docker-Content-Digest"));
  one.once(with_header("Content-Type", "text/html"));
  CHECK(one.get().headers.all("Content-Type") == std::vector<std::string>{"text/html"});
  one.upstream.add_rule({.method = "HEAD", .action = answer(405)});
  CHECK(HttpClient(one.upstream.url()).head(one.path).status == 405);
}

TEST_CASE("a gate holds a response at a byte until the test moves it") {
  OneBlob one;
  auto gate = one.upstream.hold("/blobs/", 1000);
  HttpClient client(one.upstream.url());
  client.send_request("GET", one.path);
  REQUIRE(client.read_head());
  CHECK(client.read_body(1000) == one.content.slice(0, 1000));
  REQUIRE(gate->wait_until_reached());
  CHECK(one.upstream.journal().requests()[0].body_bytes == 1000);
  gate->advance_to(5000);
  CHECK(client.read_body(4000) == one.content.slice(1000, 4000));
  gate->release();
  CHECK(client.finish_body().length == kMiB - 5000);
  CHECK(one.get().digest == one.digest);

  auto before = one.upstream.hold("/blobs/");
  std::thread other([&] { CHECK(one.get().digest == one.digest); });
  CHECK(before->wait_until_reached());
  before->release();
  other.join();
}

TEST_CASE("a client that leaves a held response frees it") {
  OneBlob one;
  auto gate = one.upstream.hold("/blobs/", 10);
  HttpClient client(one.upstream.url());
  client.send_request("GET", one.path);
  REQUIRE(gate->wait_until_reached());
  client.reset();
  CHECK(wait_until([&] { return gate->waiting() == 0; }));
  CHECK(one.upstream.journal().wait_until_idle());
  CHECK(wait_until([&] { return one.upstream.journal().open_connections() == 0; }));
}

TEST_CASE("a response stalls in silence until it is released") {
  OneBlob one;
  one.upstream.add_rule({.action = stalled_after(100)});
  HttpClient client(one.upstream.url(), {.timeout = Milliseconds(50)});
  client.send_request("GET", one.path);
  REQUIRE(one.upstream.wait_until_stalled());
  CHECK(client.read_head());
  CHECK(client.read_body(1000).size() == 100);
  one.upstream.release_stalled();
  CHECK(one.upstream.journal().wait_until_idle());
}

TEST_CASE("time can be taken before the head and between the bytes") {
  OneBlob one;
  auto took = [&](Action action) {
    one.once(std::move(action));
    auto started = Clock::now();
    CHECK(one.get().digest == one.digest);
    return Clock::now() - started;
  };
  CHECK(took(delayed(Milliseconds(60))) >= Milliseconds(60));
  CHECK(took(throttled(8 * kMiB)) >= Milliseconds(100));
  CHECK(took({.chunk_delay = Milliseconds(2)}) >= Milliseconds(100));
}

TEST_CASE("an outage refuses connections and comes back on the same port") {
  OneBlob one;
  auto url = one.upstream.url();
  HttpClient kept(url);
  CHECK(kept.get("/v2/").status == 200);
  one.upstream.stop();
  CHECK(kept.closed_within(kPatience));
  HttpClient refused(url);
  CHECK(!refused.connected());
  CHECK(refused.failure() == "connect: Connection refused");
  CHECK(refused.get("/v2/").failure == "connect: Connection refused");
  one.upstream.start();
  CHECK(one.upstream.url() == url);
  CHECK(one.get().digest == one.digest);
  one.upstream.restart();
  CHECK(one.get().digest == one.digest);
}

TEST_CASE("stopping a server ends what it holds, delays and stalls") {
  OneBlob one;
  auto gate = one.upstream.hold("/v2/$");
  one.upstream.add_rule({.times = 1, .action = stalled_after(5)});
  HttpClient held(one.upstream.url());
  HttpClient stalled(one.upstream.url());
  stalled.send_request("GET", one.path);
  REQUIRE(one.upstream.wait_until_stalled());
  held.send_request("GET", "/v2/");
  REQUIRE(gate->wait_until_reached());
  one.upstream.stop();
  CHECK(stalled.read_response().length == 5);
  CHECK(held.read_response().status == 0);
}

}  // namespace weir::testing
