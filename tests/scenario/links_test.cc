// Which repository may show which blob, and what the upstream is asked to find out.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kSize = 200'000;
const std::string kOneByte = "bytes=0-0";

// Whether a range asks for the 256 bytes by which possession is proven.
bool is_proof(const std::string& range) {
  unsigned long long first = 0, last = 0;
  return std::sscanf(range.c_str(), "bytes=%llu-%llu", &first, &last) == 2 && last - first == 255;
}

// An image of app, whose manifest the program has seen.
struct Pulled : Scene {
  Pulled() {
    image.put(upstream.registry(), "app", "latest");
    REQUIRE(get(manifest_path("app", "latest")).status == 200);
    upstream.journal().clear();
  }

  Image image = make_image({.layers = {Content::generated(kSize, 1)}});
  std::string digest = image.layer_digest(0);
  std::string path = blob_path("app", digest);
  std::string other = blob_path("other", digest);  // the same blob through another repository
};

}  // namespace

TEST_CASE("linked and held: GET and HEAD ask the upstream nothing") {
  Pulled scene;
  REQUIRE(scene.get(scene.path).digest == scene.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  scene.upstream.journal().clear();
  auto head = scene.head(scene.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(kSize));
  CHECK(head.headers.value("Docker-Content-Digest") == scene.digest);
  CHECK(head.headers.value("X-Cache") == "hit");
  CHECK(scene.get(scene.path).headers.value("X-Cache") == "hit");
  CHECK(scene.upstream.journal().count() == 0);
}

TEST_CASE("linked and cold: HEAD is answered from the manifest's descriptor, GET fetches once") {
  Pulled scene;
  auto head = scene.head(scene.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(kSize));
  CHECK(head.headers.value("Docker-Content-Digest") == scene.digest);
  CHECK(scene.upstream.journal().count() == 0);
  CHECK(scene.get(scene.path).digest == scene.digest);
  CHECK(scene.ranges(scene.path) == std::vector<std::string>{""});
}

TEST_CASE("unlinked and held: some bytes are compared through the other repository, then it is a hit") {
  Pulled scene;
  REQUIRE(scene.get(scene.path).digest == scene.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  scene.upstream.registry().put_blob("other", scene.image.layers()[0]);
  auto head = scene.head(scene.other);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(kSize));
  CHECK(scene.get(scene.other).digest == scene.digest);
  const auto asked = scene.ranges(scene.other);
  REQUIRE(asked.size() == 2);
  CHECK(asked[0] == kOneByte);  // HEAD: its size
  CHECK(is_proof(asked[1]));
  CHECK(scene.get(scene.other).headers.value("X-Cache") == "hit");
  CHECK(scene.head(scene.other).headers.value("X-Cache") == "hit");
  CHECK(scene.gets(scene.other) == 2);
  CHECK(scene.upstream.journal().count("HEAD") == 0);
  CHECK(scene.gets(scene.path) == 1);
  CHECK(scene.received() < 2 * kSize);
}

TEST_CASE("unlinked and cold: HEAD asks for one byte, GET for the blob, nobody ever sends HEAD (pain 20)") {
  Scene scene;
  auto described = scene.put_blob(kSize, 1);
  auto head = scene.head(described.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(kSize));
  CHECK(scene.ranges(described.path) == std::vector<std::string>{kOneByte});
  // What the upstream says of a size proves nothing, and is not remembered.
  CHECK(scene.head(described.path).status == 200);
  CHECK(scene.gets(described.path) == 2);
  auto fetched = scene.put_blob(kSize, 2);
  CHECK(scene.get(fetched.path).digest == fetched.digest);
  CHECK(scene.ranges(fetched.path) == std::vector<std::string>{""});
  CHECK(scene.upstream.journal().count("HEAD") == 0);
}

TEST_CASE("unknown to the upstream: 404 in the specification's words, remembered for a while") {
  Scene scene;
  auto path = blob_path("app", digest_of("nowhere"));
  for (int turn = 0; turn < 2; ++turn) {
    auto response = scene.get(path);
    CHECK(response.status == 404);
    CHECK(error_code(response) == "BLOB_UNKNOWN");
    CHECK(scene.head(path).status == 404);
  }
  CHECK(scene.upstream.journal().count("GET") == 1);
  CHECK(scene.upstream.journal().count("HEAD") == 0);
  CHECK_SOON(scene.outcomes("blob"), "error 4");
}

TEST_CASE("a blob cached through one repository is not seen through another that has it not (pain 12)") {
  Pulled scene;
  scene.upstream.registry().put_blob("other", "something else");
  REQUIRE(scene.get(scene.path).digest == scene.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  for (const auto& headers : {Headers{}, Headers{{"Range", "bytes=0-9"}}}) {
    auto response = scene.get(scene.other, headers);
    CHECK(response.status == 404);
    CHECK(error_code(response) == "BLOB_UNKNOWN");
  }
  CHECK(scene.head(scene.other).status == 404);
  const auto asked = scene.ranges(scene.other);
  REQUIRE(asked.size() == 1);  // then it is known that there is none
  CHECK(is_proof(asked[0]));
  CHECK(scene.get(scene.path).headers.value("X-Cache") == "hit");
}

TEST_CASE("a manifest that says a layer lies elsewhere shows no blob of somebody else's (pain 12)") {
  Pulled scene;
  REQUIRE(scene.get(scene.path).digest == scene.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  // A registry takes such a manifest without having the layer.
  auto claim = make_image({.layers = {Content("a layer of its own")}});
  auto text = claim.bytes();
  const auto from = text.find(claim.layer_digest(0));
  REQUIRE(from != std::string::npos);
  text.replace(from, claim.layer_digest(0).size(), scene.digest);
  text.insert(text.find('"', from + scene.digest.size()) + 1, ",\"urls\":[\"http://127.0.0.1:1/layer\"]");
  scene.upstream.registry().put_manifest("other", {.media_type = claim.media_type(), .bytes = text}, "claim");
  REQUIRE(scene.get(manifest_path("other", "claim")).status == 200);
  CHECK(scene.get(scene.other).status == 404);
  CHECK(scene.head(scene.other).status == 404);
}

TEST_CASE("a blob on its way through one repository is not seen through another that has it not (pain 12)") {
  Pulled scene;
  auto gate = scene.upstream.hold(exactly(scene.path), kSize - 1);
  HttpClient owner(scene.weir.url());
  REQUIRE(owner.send_request("GET", scene.path));
  REQUIRE(gate->wait_until_reached());
  CHECK(scene.get(scene.other).status == 404);
  CHECK(scene.head(scene.other).status == 404);
  const auto asked = scene.ranges(scene.other);
  REQUIRE(asked.size() == 1);
  CHECK(is_proof(asked[0]));
  gate->release();
  CHECK(owner.read_response(Body::hash).digest == scene.digest);
}

TEST_CASE("a manifest cached through one repository is not seen through another (pain 12)") {
  Pulled scene;
  CHECK(scene.get(manifest_path("app", scene.image.digest())).headers.value("X-Cache") == "hit");
  CHECK(scene.get(manifest_path("other", scene.image.digest())).status == 404);
  CHECK(scene.get(manifest_path("other", "latest")).status == 404);
  // Nor as a blob of a repository that merely was asked for it.
  CHECK(scene.get(blob_path("other", scene.image.digest())).status == 404);
}

TEST_CASE("an upstream that refuses a repository now hides what was cached through another (pain 12)") {
  Pulled scene;
  REQUIRE(scene.get(scene.path).digest == scene.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  for (int status : {401, 403}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.path = exactly(scene.other), .action = answer(status)});
    CHECK(scene.get(scene.other).status == 403);
  }
  CHECK_SOON(scene.outcomes("blob"), "denied 2, miss 1");
}

TEST_CASE("two repositories share one upstream GET of a blob (pain 1)") {
  Pulled scene;
  scene.upstream.registry().put_blob("other", scene.image.layers()[0]);
  auto gate = scene.upstream.hold(exactly(scene.path), 150'000);  // enough to compare some of it
  HttpClient first(scene.weir.url());
  HttpClient second(scene.weir.url());
  REQUIRE(first.send_request("GET", scene.path));
  REQUIRE(gate->wait_until_reached());
  REQUIRE(second.send_request("GET", scene.other));
  auto head = second.read_head().value_or(ResponseHead{});
  CHECK(head.status == 200);
  CHECK(head.headers.value("X-Cache") == "joined");
  gate->release();
  CHECK(second.finish_body().digest == scene.digest);
  CHECK(first.read_response(Body::hash).digest == scene.digest);
  CHECK(scene.whole_gets(scene.path) + scene.whole_gets(scene.other) == 1);
  const auto asked = scene.ranges(scene.other);
  REQUIRE(asked.size() == 1);
  CHECK(is_proof(asked[0]));
  CHECK_SOON(scene.outcomes("blob"), "joined 1, miss 1");
  // Once the digest has matched, both have proven it.
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.get(scene.other).headers.value("X-Cache") == "hit");
  CHECK(scene.gets(scene.other) == 1);
}

TEST_CASE("a guess through a repository that has not the blob does not spoil it for one that has") {
  // Somebody asks for a digest through a repository of his own while the upstream's 404 is on its way.
  Pulled scene;
  auto gate = scene.upstream.hold(exactly(scene.other));
  HttpClient guess(scene.weir.url());
  REQUIRE(guess.send_request("GET", scene.other));
  REQUIRE(gate->wait_until_reached());
  HttpClient owner(scene.weir.url());
  REQUIRE(owner.send_request("GET", scene.path));
  // The owner is on his way too when he asks the upstream himself, or waits for the guess.
  (void)scene.upstream.journal().wait_for_count("GET", exactly(scene.path), 1, Milliseconds(500));
  gate->release();
  CHECK(guess.read_response().status == 404);
  auto response = owner.read_response(Body::hash);
  CHECK(response.status == 200);
  CHECK(response.digest == scene.digest);
}

TEST_CASE("a probe that the upstream answers with everything costs no more than its beginning") {
  Scene scene;
  auto blob = scene.put_blob(64 * kMiB);
  scene.upstream.add_rule({.path = exactly(blob.path), .action = ignoring_range()});
  auto head = scene.head(blob.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(64 * kMiB));
  REQUIRE(scene.upstream.journal().wait_until_idle());
  CHECK(scene.upstream.journal().body_bytes() < 32 * kMiB);
}

}  // namespace weir::testing
