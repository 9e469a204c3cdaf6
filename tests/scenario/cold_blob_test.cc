// One cold blob and many who want it: one fetch, which nobody's leaving ends.
#include <thread>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

std::vector<std::unique_ptr<HttpClient>> clients_asking(const Scene& scene, const std::string& path, int count) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<HttpClient>(scene.weir.url(), ClientOptions{.timeout = Milliseconds(120'000)}));
    REQUIRE(clients.back()->send_request("GET", path));
  }
  return clients;
}

}  // namespace

TEST_CASE(
    "a hundred clients ask for one cold blob, the first hangs up, the upstream breaks once half way: one fetch resumed "
    "by Range, ninety-nine whole bodies (pains 1, 2, 16)") {
  const std::uint64_t size = sanitized() ? 8 * kMiB : 256 * kMiB;
  Scene scene;
  auto blob = scene.put_blob(size);
  auto gate = scene.upstream.hold(exactly(blob.path), kMiB);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = reset_after(size / 2)});

  HttpClient first(scene.weir.url());
  REQUIRE(first.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  CHECK(first.read_head().value_or(ResponseHead{}).headers.value("X-Cache") == "miss");
  auto clients = clients_asking(scene, blob.path, 99);
  for (auto& client : clients) {
    auto head = client->read_head().value_or(ResponseHead{});
    CHECK(head.status == 200);
    CHECK(head.headers.value("X-Cache") == "joined");
    CHECK(head.headers.value("Content-Length") == std::to_string(size));
  }
  first.close();
  gate->release();

  const auto expected = blob.content.text();
  std::atomic<int> identical = 0;
  {
    std::vector<std::jthread> readers;
    for (auto& client : clients) readers.emplace_back([&] { identical += body_is(*client, expected) ? 1 : 0; });
  }
  CHECK(identical == 99);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK_SOON(scene.outcomes("blob"), "joined 99, miss 1");
  CHECK(scene.sent("joined") == 99.0 * static_cast<double>(size));
  CHECK(scene.received() == static_cast<double>(size));
  REQUIRE(scene.upstream.journal().wait_until_idle());
  CHECK(scene.ranges(blob.path) == std::vector<std::string>{"", "bytes=" + std::to_string(size / 2) + "-"});
  CHECK(scene.upstream.journal().body_bytes() == size);
  CHECK(scene.weir.metric("weir_upstream_resumes_total") == 1);
  if (!sanitized()) CHECK(scene.weir.peak_rss_anon_kib() < 64 * kKiB);

  CHECK(scene.get(blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
  CHECK(scene.gets(blob.path) == 2);
}

TEST_CASE("a fill goes on to its end when its only client has left (pain 16)") {
  Scene scene;
  auto blob = scene.put_blob(4 * kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), kMiB);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(client.read_head());
  CHECK(client.read_body(100'000).size() == 100'000);
  client.reset();
  CHECK_SOON(scene.outcomes("blob"), "miss 1");
  CHECK(scene.weir.metric("weir_fills_active") == 1);
  gate->release();
  CHECK_SOON(scene.fills(), "ok 1");
  auto response = scene.get(blob.path, {}, Body::hash);
  CHECK(response.digest == blob.digest);
  CHECK(response.headers.value("X-Cache") == "hit");
  CHECK(scene.gets(blob.path) == 1);
}

TEST_CASE("a fill goes on although its client left before the upstream had answered (pain 16)") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path));
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  client.close();
  gate->release();
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.get(blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
  CHECK(scene.gets(blob.path) == 1);
}

TEST_CASE("a client that leaves while its blob stands still is noticed then, not when more bytes come") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 1000);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(client.read_head());
  REQUIRE(client.read_body(1000).size() == 1000);
  client.reset();
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  CHECK(scene.weir.metric("weir_fills_active") == 1);
  gate->release();
  CHECK_SOON(scene.fills(), "ok 1");
}

TEST_CASE("a client that never reads stops neither the fill nor another client") {
  Scene scene;
  auto blob = scene.put_blob(16 * kMiB);
  HttpClient asleep(scene.weir.url(), {.receive_buffer = 4096});
  REQUIRE(asleep.send_request("GET", blob.path));
  REQUIRE(scene.upstream.journal().wait_for_count("GET", exactly(blob.path), 1));
  auto response = scene.get(blob.path, {}, Body::hash);
  CHECK(response.complete);
  CHECK(response.digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.outcomes("blob") != "");
  CHECK(scene.sent("miss") < static_cast<double>(blob.content.size()));
  CHECK(scene.gets(blob.path) == 1);
  // What it was promised it still gets.
  CHECK(asleep.read_response(Body::hash).digest == blob.digest);
}

TEST_CASE("all layers of an image at once are fetched once each, however many pull it (pain 1)") {
  Scene scene;
  std::vector<Blob> blobs;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) blobs.push_back(scene.put_blob(300'000 + seed, seed));
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> nodes;
    for (int i = 0; i < 8; ++i) {
      nodes.emplace_back([&] {
        HttpClient client(scene.weir.url());
        for (const auto& blob : blobs) right += client.get(blob.path, {}, Body::hash).digest == blob.digest ? 1 : 0;
      });
    }
  }
  CHECK(right == 8 * 12);
  for (const auto& blob : blobs) CHECK(scene.gets(blob.path) == 1);
  CHECK_SOON(scene.fills(), "ok 12");
  CHECK_SOON(scene.weir.metric("weir_requests_total", {{"outcome", "miss"}}), 12);
  CHECK_SOON(scene.weir.metric("weir_requests_total", {{"route", "blob"}, {"code", "200"}}), 96);
}

}  // namespace weir::testing
