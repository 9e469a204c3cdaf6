// No client holds the whole of a blob before its digest agreed.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kSize = kMiB;

// All that can be read while nothing more comes: `expected` bytes, however long they take, and what follows them at once.
std::uint64_t readable(HttpClient& client, std::uint64_t expected) {
  const auto count = client.read_body(expected).size();
  client.set_timeout(Milliseconds(500));
  return count + client.read_body(2 * kSize).size();
}

}  // namespace

TEST_CASE("while the upstream's last byte is out no client holds more than the blob without its last piece") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  auto gate = scene.upstream.hold(exactly(blob.path), static_cast<std::int64_t>(kSize) - 1);
  HttpClient impatient(scene.weir.url());
  HttpClient ranged(scene.weir.url());
  HttpClient patient(scene.weir.url());
  REQUIRE(impatient.send_request("GET", blob.path));
  REQUIRE(impatient.read_head());
  REQUIRE(ranged.send_request("GET", blob.path, {{"Range", "bytes=0-"}}));
  CHECK(ranged.read_head().value_or(ResponseHead{}).status == 206);
  REQUIRE(patient.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  CHECK(readable(impatient, kSize - kLastPiece) == kSize - kLastPiece);
  CHECK(readable(ranged, kSize - kLastPiece) == kSize - kLastPiece);
  CHECK(scene.fills() == "");
  gate->release();
  auto response = patient.read_response(Body::hash);
  CHECK(response.complete);
  CHECK(response.digest == blob.digest);
}

TEST_CASE("with all bytes there but one wrong every reader is cut short, and nothing is kept") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  auto gate = scene.upstream.hold(exactly(blob.path), 1000);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = corrupted_at(kSize - 1)});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (const char* range : {"", "", "bytes=0-", "bytes=0-524287,524288-1048575"}) {
    auto& client = clients.emplace_back(std::make_unique<HttpClient>(scene.weir.url()));
    REQUIRE(client->send_request("GET", blob.path, *range ? Headers{{"Range", range}} : Headers{}));
    REQUIRE(client->read_head());
  }
  gate->release();
  for (auto& client : clients) {
    auto response = client->finish_body();
    CHECK(!response.complete);
    CHECK(response.length <= kSize - kLastPiece + 1000);
    CHECK(client->closed_within(kPatience));
  }
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK_SOON(scene.weir.metric("weir_fills_active"), 0);
  CHECK(scene.partials().empty());
  CHECK(scene.stored("blobs").empty());
  CHECK(scene.weir.metric("weir_cache_blobs") == 0);

  auto again = scene.get(blob.path, {}, Body::hash);
  CHECK(again.digest == blob.digest);
  CHECK(again.headers.value("X-Cache") == "miss");
  CHECK(scene.ranges(blob.path) == std::vector<std::string>{"", ""});
  CHECK_SOON(scene.fills(), "corrupt 1, ok 1");
}

TEST_CASE("of a wrong blob smaller than the last piece no byte is given away") {
  Scene scene;
  auto blob = scene.put_blob(100);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = corrupted_at(50)});
  auto response = scene.get(blob.path);
  CHECK(!response.complete);
  CHECK(response.length == 0);
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK(scene.get(blob.path).digest == blob.digest);
}

TEST_CASE("a blob of unknown size is held back as well") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .action = framed(Framing::chunked)});
  auto gate = scene.upstream.hold(exactly(blob.path), static_cast<std::int64_t>(kSize) - 1);
  HttpClient impatient(scene.weir.url());
  HttpClient patient(scene.weir.url());
  REQUIRE(impatient.send_request("GET", blob.path));
  auto head = impatient.read_head().value_or(ResponseHead{});
  CHECK(head.status == 200);
  CHECK(!head.headers.has("Content-Length"));
  REQUIRE(patient.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  CHECK(readable(impatient, kSize - kLastPiece - 1) <= kSize - kLastPiece);
  gate->release();
  CHECK(patient.read_response(Body::hash).digest == blob.digest);
}

TEST_CASE("sha512 digests hold back a wrong blob too, and release a right one") {
  Scene scene;
  auto content = Content::generated(kSize, 3);
  auto path = blob_path("app", scene.upstream.registry().put_blob("app", content, Algorithm::sha512));
  scene.upstream.add_rule({.path = exactly(path), .times = 1, .action = corrupted_at(7)});
  CHECK(!scene.get(path, {}, Body::hash).complete);
  CHECK_SOON(scene.fills(), "corrupt 1");
  auto response = scene.get(path, {}, Body::hash);
  CHECK(response.digest == content.digest());
  CHECK(response.headers.value("Docker-Content-Digest") == content.digest(Algorithm::sha512));
  CHECK_SOON(scene.stored("blobs/sha512").size(), 1);
}

}  // namespace weir::testing
