// One wrong answer of an upstream, or of what stands in between, spoils nothing that comes later.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

const Action kPortal = answer(200, "<html>please log in</html>", {{"Content-Type", "text/html"}});

}  // namespace

TEST_CASE("a log-in page in place of a probed blob does not leave its size behind") {
  // HEAD of a blob that is neither linked nor held asks for one byte; what answers is a captive portal.
  Scene scene;
  auto blob = scene.put_blob(100'000);
  auto rule = scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = kPortal});
  (void)scene.head(blob.path);
  REQUIRE(scene.upstream.rule_fired(rule) == 1);
  auto response = scene.get(blob.path, {}, Body::hash);
  CHECK(response.status == 200);
  CHECK(response.digest == blob.digest);
  CHECK(scene.head(blob.path).headers.value("Content-Length") == "100000");
  CHECK_SOON(scene.weir.metric("weir_fills_total", {{"result", "ok"}}), 1);
}

TEST_CASE("a wrong total in the answer to a probe does not leave its size behind") {
  Scene scene;
  auto blob = scene.put_blob(100'000);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = with_header("Content-Range", "bytes 0-0/5")});
  (void)scene.head(blob.path);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK(scene.head(blob.path).headers.value("Content-Length") == "100000");
}

TEST_CASE("a log-in page in place of a blob or a manifest is refused, and asked for again") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(100'000, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  for (const auto& path : {manifest_path("app", "latest"), manifest_path("app", image.digest()),
                           blob_path("app", image.layer_digest(0)), blob_path("app", image.config_digest())}) {
    scene.upstream.add_rule({.path = exactly(path), .times = 1, .action = kPortal});
    auto wrong = scene.get(path, {}, Body::hash);
    CHECK(!(wrong.status == 200 && wrong.complete && path.find("manifests/sha256") == path.npos));
    auto right = scene.get(path, {}, Body::hash);
    CHECK(right.status == 200);
    CHECK(right.complete);
  }
  CHECK(scene.get(manifest_path("app", "latest")).digest == image.digest());
}

TEST_CASE("lengths that cannot be are survived") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  for (const char* length : {"99999999999999999999999", "1000000000000000000", "-5", "abc", "1000, 1000", ""}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.path = exactly(blob.path), .action = with_header("Content-Length", length)});
    auto response = scene.get(blob.path, {}, Body::hash);
    CHECK_MESSAGE((!response.complete || response.status != 200 || response.digest == blob.digest), std::string(length));
  }
  scene.upstream.clear_rules();
  CHECK_SOON(scene.get(blob.path).digest, blob.digest);
}

TEST_CASE("the same bytes as a blob and as a manifest of one repository are served as either") {
  Scene scene;
  auto child = make_image({.layers = {"one"}});
  auto index = make_index({.children = {child}});
  index.put(scene.upstream.registry(), "app", "latest");
  scene.upstream.registry().put_blob("app", Content(child.bytes()));
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(blob_path("app", child.digest())).body == child.bytes());
  for (int turn = 0; turn < 2; ++turn) {
    auto manifest = scene.get(manifest_path("app", child.digest()));
    CHECK(manifest.status == 200);
    CHECK(manifest.headers.value("Content-Type") == child.media_type());
    CHECK(manifest.body == child.bytes());
    CHECK(scene.get(blob_path("app", child.digest())).body == child.bytes());
  }
  // The other way round: first the manifest, then the blob, then the manifest when nobody can be asked.
  auto other = make_image({.layers = {"two"}});
  other.put(scene.upstream.registry(), "app");
  scene.upstream.registry().put_blob("app", Content(other.bytes()));
  CHECK(scene.get(manifest_path("app", other.digest())).status == 200);
  CHECK(scene.get(blob_path("app", other.digest())).status == 200);
  scene.upstream.stop();
  auto held = scene.get(manifest_path("app", other.digest()));
  CHECK(held.status == 200);
  CHECK(held.headers.value("Content-Type") == other.media_type());
}

TEST_CASE("a manifest that misstates a layer's size spoils it for no other manifest of the repository") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(100'000, 1)}});
  image.put(scene.upstream.registry(), "app", "right");
  auto text = image.bytes();
  auto at = text.find("100000");
  REQUIRE(at != text.npos);
  scene.upstream.registry().put_manifest("app", {image.media_type(), text.replace(at, 6, "100001")}, "wrong");
  auto layer = blob_path("app", image.layer_digest(0));
  CHECK(scene.get(manifest_path("app", "right")).status == 200);
  CHECK(scene.get(manifest_path("app", "wrong")).status == 200);
  CHECK(scene.get(layer, {}, Body::hash).digest == image.layer_digest(0));
  CHECK(scene.head(layer).headers.value("Content-Length") == "100000");
}

TEST_CASE("two upstreams share a blob only when each has it (pains 11, 12)") {
  ScriptedUpstream other;
  Scene scene({.sections = "[upstream.other]\nurl = " + other.url() + "\n"});
  auto shared = scene.put_blob(300'000, 1);
  auto own = scene.put_blob(300'000, 2);
  other.registry().put_blob("app", shared.content);
  for (const auto& blob : {shared, own}) REQUIRE(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 2");
  CHECK(scene.get(blob_path("other/app", shared.digest), {}, Body::hash).digest == shared.digest);
  CHECK(scene.get(blob_path("other/app", own.digest)).status == 404);
  CHECK(other.journal().body_bytes("", shared.digest) == 256);  // what is compared
  // The same repository path at two upstreams is two repositories.
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(manifest_path("other/app", "latest")).status == 404);
}

TEST_CASE("a held blob is not shown through a repository whose upstream cannot be asked: neither served nor 404 (pain 12)") {
  ScriptedUpstream other;
  Scene scene({.sections = "[upstream.other]\nurl = " + other.url() + "\n"});
  auto blob = scene.put_blob(1000);
  other.registry().put_blob("app", blob.content);
  REQUIRE(scene.get(blob.path).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  other.stop();
  CHECK(scene.get(blob_path("other/app", blob.digest)).status == 502);
  CHECK(scene.head(blob_path("other/app", blob.digest)).status == 502);
  other.start();
  CHECK_SOON(scene.get(blob_path("other/app", blob.digest)).status, 200);
}

TEST_CASE("HEAD of a blob does not wait for an upstream that sends the head of its answer and then nothing (pain 3)") {
  Scene scene({.upstream = "stall-timeout = 50s\n"});
  auto blob = scene.put_blob(1000);
  scene.upstream.add_rule({.path = exactly(blob.path), .action = stalled_after(0)});
  auto started = Clock::now();
  auto head = scene.head(blob.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == "1000");
  CHECK(Clock::now() - started < kPatience);
}

}  // namespace weir::testing
