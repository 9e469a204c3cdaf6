// Upstreams that are down, slow, or tired of us.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

const std::string kTag = manifest_path("app", "latest");

// An image that was pulled whole and must be confirmed each time.
struct Pulled : Scene {
  explicit Pulled(const std::string& cache = "", const std::string& up = "")
      : Scene({.upstream = up, .sections = "[cache]\ntag-ttl = 0\n" + cache}) {
    image.put(upstream.registry(), "app", "latest");
    REQUIRE(get(kTag).status == 200);
    REQUIRE(get(blob_path("app", image.layer_digest(0))).status == 200);
    CHECK_SOON(fills(), "ok 1");
  }

  void is_stale(const Response& response) {
    CHECK(response.status == 200);
    CHECK(response.digest == image.digest());
    CHECK(response.headers.value("X-Cache") == "stale");
    CHECK(response.headers.value("Warning").starts_with("299 - \""));
    CHECK(response.headers.has("Age"));
    CHECK(response.headers.value("Docker-Content-Digest") == image.digest());
  }

  Image image = make_image({.layers = {"one"}});
};

}  // namespace

TEST_CASE("when the upstream is down a tag is answered stale, marked and counted (pain 8)") {
  Pulled scene;
  scene.upstream.stop();
  scene.is_stale(scene.get(kTag));
  CHECK(scene.head(kTag).headers.value("X-Cache") == "stale");
  CHECK_SOON(scene.weir.metric("weir_requests_total", {{"outcome", "stale"}, {"code", "200"}}), 2);
  scene.upstream.start();
  CHECK_SOON(scene.get(kTag).headers.value("X-Cache"), "hit");
}

TEST_CASE("429, 5xx, nonsense and silence from the upstream do not hide what is cached (pain 8)") {
  Pulled scene("", "first-byte-timeout = 300ms\n");
  for (const auto& action : {answer(429, "toomanyrequests"), answer(500), answer(502), answer(503), garbage(), no_answer(),
                             no_answer(Ending::reset), delayed(Milliseconds(2000))}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.path = "/manifests/", .action = action});
    scene.is_stale(scene.get(kTag));
  }
}

TEST_CASE("a tag that moved while its new manifest cannot be had is answered stale (pain 8)") {
  Pulled scene;
  auto newer = make_image({.layers = {"two"}});
  newer.put(scene.upstream.registry(), "app", "latest");
  scene.upstream.add_rule({.method = "GET", .path = "/manifests/", .action = answer(429)});
  scene.is_stale(scene.get(kTag));
  scene.upstream.clear_rules();
  CHECK(scene.get(kTag).digest == newer.digest());
}

TEST_CASE("with stale-if-error 0 an outage is an outage") {
  Pulled scene("stale-if-error = 0\n");
  scene.upstream.stop();
  auto response = scene.get(kTag);
  CHECK(response.status == 502);
  CHECK(error_code(response) == "UNAVAILABLE");
}

TEST_CASE("an answer that the tag is gone, or not ours to see, is no outage") {
  Pulled scene;
  scene.upstream.add_rule({.path = "/manifests/", .action = answer(403)});
  CHECK(scene.get(kTag).status == 403);
  scene.upstream.clear_rules();
  scene.upstream.add_rule({.path = "/manifests/", .action = answer(404)});
  CHECK(scene.get(kTag).status == 404);
}

TEST_CASE("hits go on while the upstream is down, and are not slowed by it (pain 9)") {
  Pulled scene;
  auto cold = scene.put_blob(1000, 5);
  scene.upstream.stop();
  auto layer = blob_path("app", scene.image.layer_digest(0));
  auto missed = scene.get(cold.path);
  CHECK(missed.status == 502);
  const auto asked = [&] { return scene.weir.metric("weir_upstream_requests_total"); };
  const auto before = asked();
  for (int i = 0; i < 10; ++i) CHECK(scene.get(layer).headers.value("X-Cache") == "hit");
  CHECK(scene.get(manifest_path("app", scene.image.digest())).headers.value("X-Cache") == "hit");
  CHECK(asked() == before);
  CHECK(scene.get("/v2/").status == 200);
}

TEST_CASE("a miss while the upstream refuses connections is told within seconds, and is 502 (pain 9)") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  scene.upstream.stop();
  auto started = Clock::now();
  CHECK(scene.get(blob.path).status == 502);
  CHECK(scene.get(kTag).status == 502);
  CHECK(Clock::now() - started < kPatience);
  // It is found again soon, and what was asked for in vain was not remembered as missing.
  scene.upstream.start();
  CHECK_SOON(scene.get(blob.path).digest, blob.digest);
}

TEST_CASE("while nothing answers there misses are told in milliseconds, and the upstream is asked now and then (pain 9)") {
  Scene scene({.sections = "[cache]\nnegative-ttl = 0\n"});
  scene.upstream.stop();
  auto started = Clock::now();
  for (int i = 0; i < 60; ++i) CHECK(scene.get(manifest_path("app", "latest")).status == 502);
  const auto seconds = std::chrono::duration<double>(Clock::now() - started).count();
  CHECK(scene.weir.metric("weir_upstream_requests_total", {{"code", "0"}}) <= 6 + 2 * seconds);
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  scene.upstream.start();
  CHECK_SOON(scene.get(kTag).status, 200);
}

TEST_CASE("an upstream that is silent takes no other upstream with it (pains 9, 11)") {
  ScriptedUpstream other;
  Scene scene({.sections = "[upstream.other]\nurl = " + other.url() + "\n"});
  auto image = make_image({.layers = {"one"}});
  image.put(other.registry(), "app", "latest");
  scene.upstream.stop();
  for (int i = 0; i < 6; ++i) CHECK(scene.get(kTag).status == 502);
  CHECK(scene.get(manifest_path("other/app", "latest")).digest == image.digest());
}

TEST_CASE("the program starts while its upstreams are down and asks them nothing at the start (pain 10)") {
  Scene scene({.server = {.start = false}});
  CHECK(scene.get("/v2/").status == 200);
  CHECK(fetch(scene.weir.admin_url(), "/healthz").status == 200);
  scene.upstream.start();
  REQUIRE(scene.weir.restart());
  CHECK(scene.get("/v2/").status == 200);
  CHECK(scene.weir.metric("weir_upstream_requests_total") == 0);
  CHECK(scene.upstream.journal().connections() == 0);
  auto blob = scene.put_blob(1000);
  CHECK(scene.get(blob.path).digest == blob.digest);
}

TEST_CASE("what an upstream's limit turns away is 429 and may be asked again (pain 7)") {
  Scene scene;
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  scene.upstream.add_rule({.path = "/manifests/", .times = 1, .action = answer(429, "toomanyrequests")});
  auto response = scene.get(kTag);
  CHECK(response.status == 429);
  CHECK(error_code(response) == "TOOMANYREQUESTS");
  CHECK(response.headers.has("Retry-After"));
  CHECK(scene.get(kTag).status == 200);
}

TEST_CASE("max-concurrency is the most that an upstream is asked at once, and layers leave a place to manifests (pain 3)") {
  Scene scene({.upstream = "max-concurrency = 4\n"});
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  std::vector<Blob> blobs;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) blobs.push_back(scene.put_blob(1000, seed));
  auto gate = scene.upstream.hold("/blobs/");
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (const auto& blob : blobs) {
    auto& client = clients.emplace_back(std::make_unique<HttpClient>(scene.weir.url()));
    REQUIRE(client->send_request("GET", blob.path));
  }
  REQUIRE(gate->wait_until_reached(2));
  CHECK_SOON(scene.weir.metric("weir_fills_active"), 10);
  CHECK(scene.get(kTag).status == 200);
  CHECK(scene.upstream.journal().peak_concurrency() <= 4);  // while nothing has just ended
  gate->release();
  for (std::size_t i = 0; i < blobs.size(); ++i) CHECK(clients[i]->read_response().digest == blobs[i].digest);
}

}  // namespace weir::testing
