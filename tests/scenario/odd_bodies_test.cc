// Upstreams whose bodies are not what they ought to be: too long, too short, unframed, encoded, broken off.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kSize = 300'000;

// A scene whose first answer for the one blob is spoilt by `action`; the later ones are as they should be.
struct Spoilt : Scene {
  explicit Spoilt(Action action, std::uint64_t times = 1) : blob(put_blob(kSize)) {
    rule = upstream.add_rule({.path = exactly(blob.path), .times = times, .action = std::move(action)});
  }

  void fails_then_recovers(const std::string& result) {
    auto response = get(blob.path, {}, Body::hash);
    CHECK(!(response.complete && response.status == 200));
    CHECK_SOON(fills(), result);
    CHECK_SOON(weir.metric("weir_fills_active"), 0);
    CHECK(stored("blobs").empty());
    upstream.clear_rules();
    CHECK(get(blob.path, {}, Body::hash).digest == blob.digest);
    CHECK_SOON(weir.metric("weir_fills_total", {{"result", "ok"}}), 1);
  }

  Blob blob;
  std::size_t rule = 0;
};

}  // namespace

TEST_CASE("a body longer than the blob, with the length to match, is refused by its digest") {
  Spoilt(longer_by(10)).fails_then_recovers("corrupt 1");
}

TEST_CASE("a body longer than its Content-Length is refused by its digest") {
  Spoilt(claiming_length(kSize - 10)).fails_then_recovers("corrupt 1");
}

TEST_CASE("a Content-Length that promises more than there is never makes a whole blob") {
  Spoilt(claiming_length(kSize + 10), kAlways).fails_then_recovers("failed 1");
}

TEST_CASE("a Content-Length of 0 for what is not the empty blob is no answer") {
  Spoilt(claiming_length(0)).fails_then_recovers("corrupt 1");
}

TEST_CASE("a body that ends early without a length to tell is refused by its digest") {
  auto action = framed(Framing::until_close);
  action.end_after = kSize - 1;
  Spoilt(action).fails_then_recovers("corrupt 1");
}

TEST_CASE("a blob with Content-Encoding is refused: its bytes are not those of its digest (pain 24)") {
  Spoilt scene(with_header("Content-Encoding", "gzip"));
  auto response = scene.get(scene.blob.path);
  CHECK(response.status == 502);
  CHECK(error_code(response) != "");
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK(scene.partials().empty());
  CHECK(scene.get(scene.blob.path).digest == scene.blob.digest);
}

TEST_CASE("the upstream is asked for identity, whatever encodings the client would take (pain 24)") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  auto response = scene.get(blob.path, {{"Accept-Encoding", "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5"}});
  CHECK(response.digest == blob.digest);
  CHECK(!response.headers.has("Content-Encoding"));
  auto asked = scene.upstream.journal().requests("GET", exactly(blob.path));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].headers.value("Accept-Encoding") == "identity");
}

TEST_CASE("a blob without Content-Length or in chunks is served whole") {
  for (auto framing : {Framing::until_close, Framing::chunked}) {
    Spoilt scene(framed(framing));
    auto response = scene.get(scene.blob.path, {}, Body::hash);
    CHECK(response.complete);
    CHECK(response.digest == scene.blob.digest);
    CHECK_SOON(scene.fills(), "ok 1");
    auto again = scene.get(scene.blob.path, {}, Body::hash);
    CHECK(again.headers.value("Content-Length") == std::to_string(kSize));
    CHECK(scene.gets(scene.blob.path) == 1);
  }
}

TEST_CASE("a blob broken off is resumed by Range, however it was framed and however it broke (pain 16)") {
  auto chunked = truncated_after(200'000);
  chunked.framing = Framing::chunked;
  for (const auto& action : {truncated_after(1), truncated_after(kSize - 1), reset_after(100'000), chunked}) {
    Spoilt scene(action);
    auto response = scene.get(scene.blob.path, {}, Body::hash);
    CHECK(response.complete);
    CHECK(response.digest == scene.blob.digest);
    CHECK_SOON(scene.fills(), "ok 1");
    CHECK(scene.ranges(scene.blob.path) == std::vector<std::string>{"", "bytes=" + std::to_string(*action.end_after) + "-"});
    CHECK(scene.received() == kSize);
  }
}

TEST_CASE("an upstream that breaks many times is resumed as long as it makes progress (pain 16)") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 9, .action = truncated_after(30'000)});
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK(scene.gets(blob.path) == 10);
  CHECK(scene.received() == kSize);
}

TEST_CASE("an upstream that breaks off and then fails for a while, as one that restarts, is waited for (pain 16)") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(100'000)});
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 4, .action = answer(503)});
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK(scene.gets(blob.path) == 6);
  CHECK(scene.received() == kSize);
}

TEST_CASE("an upstream that answers a resumption with everything again is skipped forward") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(100'000)});
  scene.upstream.add_rule({.path = exactly(blob.path), .action = ignoring_range()});
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK(scene.gets(blob.path) == 2);
  CHECK(scene.received() == kSize + 100'000);
}

TEST_CASE("an upstream that answers a resumption with another range is not believed") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(100'000)});
  scene.upstream.add_rule(
      {.path = exactly(blob.path), .times = 1, .action = with_header("Content-Range", "bytes 99999-299999/300000")});
  CHECK(!scene.get(blob.path, {}, Body::hash).complete);
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
}

TEST_CASE("a blob that changed its size in the middle is not patched together") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(100'000)});
  auto gate = scene.upstream.hold(exactly(blob.path), 50'000);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  scene.upstream.registry().put_blob_as("app", blob.digest, Content::generated(kSize + 5, 9));
  gate->release();
  CHECK(!client.read_response(Body::hash).complete);
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK(scene.stored("blobs").empty());
}

TEST_CASE("a layer whose size is not the one its manifest names is refused") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(kSize, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  auto path = blob_path("app", image.layer_digest(0));
  scene.upstream.add_rule({.path = exactly(path), .times = 1, .action = longer_by(1)});
  auto longer = scene.get(path, {}, Body::hash);
  CHECK(!(longer.status == 200 && longer.complete));
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK(scene.get(path, {}, Body::hash).digest == image.layer_digest(0));
}

TEST_CASE("an upstream that fails once before it answers is asked again, one that says no is not") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = answer(503)});
  CHECK(scene.get(blob.path).digest == blob.digest);
  CHECK(scene.gets(blob.path) == 2);
  auto refused = scene.put_blob(1000, 2);
  scene.upstream.add_rule({.path = exactly(refused.path), .action = answer(403)});
  CHECK(scene.get(refused.path).status == 403);
  CHECK(scene.gets(refused.path) == 1);
}

TEST_CASE("nonsense in place of HTTP is 502, and a head without end does no harm") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "latest");
  for (const auto& action : {garbage(), huge_headers(200'000), no_answer(), no_answer(Ending::reset), cut_head_after(20)}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.action = action});
    auto response = scene.get(manifest_path("app", "latest"));
    CHECK(response.status == 502);
    CHECK(error_code(response) != "");
  }
  CHECK(scene.get(blob.path).status == 502);
  scene.upstream.clear_rules();
  CHECK_SOON(scene.get(blob.path).digest, blob.digest);
  CHECK(scene.get(manifest_path("app", "latest")).digest == image.digest());
}

TEST_CASE("the empty blob is a blob") {
  Scene scene;
  auto blob = scene.put_blob(0);
  for (int turn = 0; turn < 2; ++turn) {
    auto response = scene.get(blob.path);
    CHECK(response.status == 200);
    CHECK(response.complete);
    CHECK(response.headers.value("Content-Length") == "0");
    CHECK_SOON(scene.fills(), "ok 1");
  }
  CHECK(scene.gets(blob.path) == 1);
}

}  // namespace weir::testing
