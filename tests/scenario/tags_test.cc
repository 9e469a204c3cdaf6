// How long a tag is believed, and how it is confirmed.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

const std::string kTag = manifest_path("app", "latest");

// One image under app:latest, and another to replace it.
struct Tagged : Scene {
  explicit Tagged(const std::string& cache, const std::string& up = "")
      : Scene({.upstream = up, .sections = "[cache]\n" + cache}) {
    old_image.put(upstream.registry(), "app", "latest");
    new_image.put(upstream.registry(), "app");
  }

  void move_tag() { upstream.registry().tag("app", "latest", new_image.digest()); }
  std::size_t asked(const std::string& method) { return upstream.journal().count(method, exactly(kTag)); }

  Image old_image = make_image({.layers = {"old"}});
  Image new_image = make_image({.layers = {"new"}});
};

}  // namespace

TEST_CASE("with tag-ttl 0 a tag is confirmed by HEAD each time and fetched once (pains 7, 15)") {
  Tagged scene("tag-ttl = 0\n");
  for (int turn = 0; turn < 4; ++turn) {
    auto response = scene.get(kTag);
    CHECK(response.digest == scene.old_image.digest());
    CHECK(response.headers.value("X-Cache") == (turn == 0 ? "miss" : "hit"));
  }
  CHECK(scene.asked("GET") == 1);
  CHECK(scene.asked("HEAD") == 3);
  CHECK(scene.upstream.journal().count() == 4);
  CHECK_SOON(scene.outcomes("manifest"), "hit 3, miss 1");
}

TEST_CASE("a tag that moved is seen at its next confirmation, and its old manifest stays (pain 15)") {
  Tagged scene("tag-ttl = 0\n");
  CHECK(scene.get(kTag).digest == scene.old_image.digest());
  scene.move_tag();
  auto head = scene.head(kTag);
  CHECK(head.headers.value("Docker-Content-Digest") == scene.new_image.digest());
  CHECK(scene.get(kTag).digest == scene.new_image.digest());
  CHECK(scene.upstream.journal().count("GET") == 2);
  scene.upstream.stop();
  CHECK(scene.get(manifest_path("app", scene.old_image.digest())).digest == scene.old_image.digest());
}

TEST_CASE("a tag that moved to a manifest that is held costs one HEAD and no GET (pain 7)") {
  Tagged scene("tag-ttl = 0\n");
  CHECK(scene.get(kTag).digest == scene.old_image.digest());
  CHECK(scene.get(manifest_path("app", scene.new_image.digest())).status == 200);
  scene.move_tag();
  scene.upstream.journal().clear();
  CHECK(scene.get(kTag).digest == scene.new_image.digest());
  CHECK(scene.upstream.journal().count("HEAD") == 1);
  CHECK(scene.upstream.journal().count() == 1);
}

TEST_CASE("within its tag-ttl a tag is answered without asking, with its Age") {
  Tagged scene("tag-ttl = 1h\n");
  CHECK(scene.get(kTag).headers.value("Age") == "0");
  scene.move_tag();
  for (int turn = 0; turn < 3; ++turn) {
    auto response = scene.get(kTag);
    CHECK(response.digest == scene.old_image.digest());
    CHECK(response.headers.has("Age"));
    CHECK(!response.headers.has("Warning"));
  }
  CHECK(scene.upstream.journal().count() == 1);
  // By its digest a manifest has no age: it cannot change.
  CHECK(!scene.get(manifest_path("app", scene.old_image.digest())).headers.has("Age"));
}

TEST_CASE("past its tag-ttl a tag is confirmed again, and the upstream's own tag-ttl wins (pain 15)") {
  Tagged scene("tag-ttl = 1h\n", "tag-ttl = 1s\n");
  CHECK(scene.get(kTag).digest == scene.old_image.digest());
  scene.move_tag();
  CHECK(wait_until([&] { return scene.get(kTag).digest == scene.new_image.digest(); }));
  CHECK(scene.asked("HEAD") == 1);
  CHECK(scene.upstream.journal().count("GET") == 2);
}

TEST_CASE("a tag is confirmed across a restart by HEAD alone (pain 5)") {
  Tagged scene("tag-ttl = 0\n");
  CHECK(scene.get(kTag).status == 200);
  REQUIRE(scene.weir.restart());
  CHECK(scene.get(kTag).headers.value("X-Cache") == "hit");
  CHECK(scene.asked("GET") == 1);
  CHECK(scene.asked("HEAD") == 1);
}

TEST_CASE("\"not there\" is believed for the negative-ttl and no longer") {
  Tagged scene("negative-ttl = 4s\n");
  auto missing = manifest_path("app", "soon");
  CHECK(scene.get(missing).status == 404);
  CHECK(scene.get(missing).status == 404);
  CHECK(scene.head(missing).status == 404);
  CHECK(scene.upstream.journal().count() == 1);
  scene.upstream.registry().tag("app", "soon", scene.new_image.digest());
  CHECK(wait_until([&] { return scene.get(missing).digest == scene.new_image.digest(); }));
  CHECK(scene.upstream.journal().count() == 2);
}

TEST_CASE("with negative-ttl 0 \"not there\" is asked for each time") {
  Tagged scene("negative-ttl = 0\n");
  for (int turn = 0; turn < 3; ++turn) CHECK(scene.get(manifest_path("app", "soon")).status == 404);
  CHECK(scene.upstream.journal().count() == 3);
}

TEST_CASE("an upstream's failure is not taken for \"not there\"") {
  Tagged scene("");
  for (int status : {401, 403, 429, 500, 503}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.path = "/manifests/", .action = answer(status)});
    CHECK(scene.get(kTag).status != 404);
  }
  scene.upstream.clear_rules();
  CHECK(scene.get(kTag).status == 200);
}

TEST_CASE("a tag that the upstream removed is gone here too") {
  Tagged scene("tag-ttl = 0\nnegative-ttl = 0\n");
  CHECK(scene.get(kTag).status == 200);
  scene.upstream.registry().untag("app", "latest");
  CHECK(scene.get(kTag).status == 404);
  scene.upstream.stop();
  CHECK(scene.get(kTag).status != 200);
  CHECK(scene.get(manifest_path("app", scene.old_image.digest())).status == 200);
}

TEST_CASE("an upstream that refuses HEAD of a manifest, or tells no digest, is asked by GET") {
  for (const auto& action : {answer(405), answer(401), answer(403), without_header("Docker-Content-Digest")}) {
    Tagged scene("tag-ttl = 0\n");
    scene.upstream.add_rule({.method = "HEAD", .path = exactly(kTag), .action = action});
    CHECK(scene.get(kTag).digest == scene.old_image.digest());
    CHECK(scene.get(kTag).digest == scene.old_image.digest());
    scene.move_tag();
    auto response = scene.get(kTag);
    CHECK(response.digest == scene.new_image.digest());
    CHECK(scene.asked("HEAD") == 2);
    CHECK(scene.asked("GET") == 3);
  }
}

TEST_CASE("many clients that ask for a tag that must be confirmed make one HEAD (pain 7)") {
  Tagged scene("tag-ttl = 0\n");
  CHECK(scene.get(kTag).status == 200);
  auto gate = scene.upstream.hold(exactly(kTag), kBeforeHead, "HEAD");
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 20; ++i) {
    auto& client = clients.emplace_back(std::make_unique<HttpClient>(scene.weir.url()));
    REQUIRE(client->send_request("GET", kTag));
  }
  REQUIRE(gate->wait_until_reached());
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 20);
  gate->release();
  for (auto& client : clients) CHECK(client->read_response().digest == scene.old_image.digest());
  CHECK(scene.asked("HEAD") <= 2);  // one that came when the first was answered asks for itself
  CHECK(scene.asked("GET") == 1);
}

}  // namespace weir::testing
