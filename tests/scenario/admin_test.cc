// The admin listener, and the commands that talk to a running program.
#include <sstream>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

Response admin(const Scene& scene, const std::string& path) { return fetch(scene.weir.admin_url(), path); }

CommandResult command(const Scene& scene, std::vector<std::string> words) {
  words.insert(words.end(), {"--config", scene.weir.path("weir.conf"), "--set", "cache.directory=" + scene.weir.path("store")});
  return run_weir(words);
}

struct Pulled : Scene {
  explicit Pulled(const std::string& cache = "") : Scene({.sections = "[cache]\n" + cache}) {
    image.put(upstream.registry(), "app", "latest");
    other.put(upstream.registry(), "app", "other");
    for (const char* tag : {"latest", "other"}) REQUIRE(get(manifest_path("app", tag)).status == 200);
    REQUIRE(get(shared).status == 200);
    REQUIRE(get(own).status == 200);
    CHECK_SOON(fills(), "ok 2");
    upstream.journal().clear();
  }

  // Two images that have their first layer in common.
  Image image = make_image({.layers = {Content("shared"), Content("own")}});
  Image other = make_image({.layers = {Content("shared"), Content("other")}});
  std::string shared = blob_path("app", image.layer_digest(0));
  std::string own = blob_path("app", image.layer_digest(1));
};

}  // namespace

TEST_CASE("health and readiness are plain answers on the admin listener alone") {
  Scene scene;
  CHECK(admin(scene, "/healthz").status == 200);
  CHECK(admin(scene, "/readyz").status == 200);
  CHECK(admin(scene, "/nothing").status == 404);
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/admin/v1/status"}) CHECK(scene.get(path).status == 404);
}

TEST_CASE("metrics are Prometheus text: each family once with HELP and TYPE before its series") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  CHECK(scene.get(blob.path).status == 200);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK_SOON(scene.outcomes("blob"), "miss 1");
  auto response = admin(scene, "/metrics");
  CHECK(response.status == 200);
  CHECK(response.headers.value("Content-Type").starts_with("text/plain; version=0.0.4"));
  std::map<std::string, std::string> types;
  std::string help;
  std::istringstream text(response.body);
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, rest;
    if (line.starts_with("# ")) {
      words >> hash >> keyword >> name >> rest;
      if (keyword == "HELP") help = name;
      if (keyword == "TYPE") {
        CHECK(help == name);
        CHECK_MESSAGE(!types.contains(name), std::string(name));
        types[name] = rest;
      }
      continue;
    }
    auto parsed = Metrics::parse(line + "\n");
    REQUIRE_MESSAGE(parsed.series().size() == 1, line);
    auto family = parsed.series()[0].name;
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (!types.contains(family) && family.ends_with(suffix)) family.resize(family.size() - std::string(suffix).size());
    }
    CHECK_MESSAGE(types.contains(family), line);
    CHECK(family.starts_with("weir_"));
  }
  for (const char* name : {"weir_requests_total", "weir_sent_bytes_total", "weir_upstream_requests_total",
                           "weir_upstream_received_bytes_total", "weir_fills_total"}) {
    CHECK_MESSAGE(types[name] == "counter", std::string(name));
  }
  CHECK(types["weir_cache_bytes"] == "gauge");
  CHECK(types["weir_time_to_first_byte_seconds"] == "histogram");
  auto metrics = scene.weir.metrics();
  CHECK(metrics.has("weir_requests_total", {{"outcome", "miss"}, {"route", "blob"}, {"code", "200"}}));
  CHECK(metrics.value("weir_cache_bytes") == 1000);
  CHECK(metrics.value("weir_time_to_first_byte_seconds_count", {{"outcome", "miss"}}) == 1);
  CHECK(metrics.value("weir_time_to_first_byte_seconds_bucket", {{"outcome", "miss"}, {"le", "+Inf"}}) == 1);
}

TEST_CASE("counters never go back, and a label value with odd characters does not break the page") {
  Scene scene;
  CHECK(scene.get("/v2/a%22b%5c/manifests/x").status == 400);
  auto before = scene.weir.metrics().by_text();
  CHECK(scene.get("/v2/").status == 200);
  auto after = scene.weir.metrics().by_text();
  for (const auto& [series, value] : before) {
    if (series.find("_total") != std::string::npos) CHECK_MESSAGE(after[series] >= value, series);
  }
}

TEST_CASE("purging a tag forgets it and what only it needs; the next pull fetches anew (pain 15)") {
  Pulled scene("tag-ttl = 1h\n");
  auto purged = command(scene, {"cache", "purge", "up/app:latest", "--format", "json"});
  CHECK_MESSAGE(purged.exit_code == 0, purged.error);
  CHECK(purged.output.find("\"tags\":1") != std::string::npos);
  CHECK(scene.get(manifest_path("app", "other")).headers.value("X-Cache") == "hit");
  CHECK(scene.get(scene.shared).headers.value("X-Cache") == "hit");
  CHECK(scene.upstream.journal().count() == 0);
  CHECK(file_size(scene.blob_file(scene.image.layer_digest(1))) == 0);
  CHECK(scene.get(manifest_path("app", "latest")).headers.value("X-Cache") == "miss");
  CHECK(scene.get(scene.own).headers.value("X-Cache") == "miss");
  CHECK(scene.upstream.journal().count("GET") == 2);
}

TEST_CASE("purging a repository or a digest forgets it everywhere") {
  Pulled scene;
  CHECK(command(scene, {"cache", "purge", scene.image.layer_digest(0)}).exit_code == 0);
  CHECK(scene.get(scene.shared).headers.value("X-Cache") == "miss");
  CHECK_SOON(scene.fills(), "ok 3");
  CHECK(command(scene, {"cache", "purge", "up/app"}).exit_code == 0);
  CHECK(scene.weir.metric("weir_cache_blobs") == 0);
  CHECK(scene.stored("blobs").empty());
  CHECK(scene.get(manifest_path("app", "latest")).headers.value("X-Cache") == "miss");
  auto again = command(scene, {"cache", "purge", "up/nothing"});
  CHECK(again.exit_code == 1);
  CHECK(again.error != "");
}

TEST_CASE("a purge while a blob is read cuts nobody") {
  Scene scene;
  auto blob = scene.put_blob(16 * kMiB);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  HttpClient reader(scene.weir.url(), {.receive_buffer = 65536});
  REQUIRE(reader.send_request("GET", blob.path));
  REQUIRE(reader.read_head());
  CHECK(command(scene, {"cache", "purge", blob.digest}).exit_code == 0);
  CHECK(reader.finish_body().digest == blob.digest);
}

TEST_CASE("a purge while a blob is filled leaves the fill whole") {
  Pulled scene;
  auto blob = scene.put_blob(kMiB, 5);
  auto gate = scene.upstream.hold(exactly(blob.path), 500'000);
  HttpClient reader(scene.weir.url());
  REQUIRE(reader.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  CHECK(command(scene, {"cache", "purge", "up/app"}).exit_code == 0);
  gate->release();
  CHECK(reader.read_response(Body::hash).digest == blob.digest);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
}

TEST_CASE("refreshing a tag asks the upstream now, whatever the tag-ttl (pain 15)") {
  Pulled scene("tag-ttl = 1h\n");
  auto same = command(scene, {"cache", "refresh", "up/app:latest"});
  CHECK_MESSAGE(same.exit_code == 0, same.error);
  CHECK(same.output.find("(unchanged)") != std::string::npos);
  CHECK(scene.upstream.journal().count("HEAD") == 1);
  scene.upstream.registry().tag("app", "latest", scene.other.digest());
  CHECK(scene.get(manifest_path("app", "latest")).digest == scene.image.digest());
  auto moved = command(scene, {"cache", "refresh", "up/app:latest", "--format", "json"});
  CHECK(moved.exit_code == 0);
  CHECK(moved.output.find(scene.other.digest()) != std::string::npos);
  CHECK(moved.output.find("\"changed\":true") != std::string::npos);
  auto response = scene.get(manifest_path("app", "latest"));
  CHECK(response.digest == scene.other.digest());
  CHECK(response.headers.value("X-Cache") == "hit");
}

TEST_CASE("a refresh that the upstream does not answer says so and harms nothing") {
  Pulled scene("tag-ttl = 1h\n");
  scene.upstream.stop();
  auto failed = command(scene, {"cache", "refresh", "up/app:latest"});
  CHECK(failed.exit_code == 1);
  CHECK(failed.error != "");
  CHECK(scene.get(manifest_path("app", "latest")).headers.value("X-Cache") == "hit");
}

TEST_CASE("what was \"not there\" is asked for again after a purge or a refresh") {
  Scene scene({.sections = "[cache]\nnegative-ttl = 1h\n"});
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app");
  CHECK(scene.get(manifest_path("app", "soon")).status == 404);
  scene.upstream.registry().tag("app", "soon", image.digest());
  CHECK(scene.get(manifest_path("app", "soon")).status == 404);
  CHECK(command(scene, {"cache", "refresh", "up/app:soon"}).exit_code == 0);
  CHECK(scene.get(manifest_path("app", "soon")).status == 200);
}

TEST_CASE("list and stat read beside the running program") {
  Pulled scene;
  auto list = command(scene, {"cache", "list", "--format", "json"});
  CHECK_MESSAGE(list.exit_code == 0, list.error);
  for (const auto& word : {std::string("up/app"), scene.image.digest(), scene.other.digest()}) {
    CHECK(list.output.find(word) != std::string::npos);
  }
  auto stat = command(scene, {"cache", "stat", "up/app:latest"});
  CHECK(stat.exit_code == 0);
  CHECK(stat.output.find(scene.image.digest()) != std::string::npos);
  CHECK(command(scene, {"cache", "stat", "up/app:nothing"}).exit_code == 1);
  CHECK(command(scene, {"cache", "stat"}).exit_code == 0);
}

TEST_CASE("changes are taken over the admin socket only, and only by POST") {
  Pulled scene;
  HttpClient client(scene.weir.admin_url());
  auto refused = client.exchange("POST", "/admin/v1/cache/purge", {}, "{\"reference\":\"up/app\"}");
  CHECK(refused.status == 403);
  CHECK(scene.get(manifest_path("app", "latest")).headers.value("X-Cache") == "hit");
  HttpClient socket("unix:" + scene.weir.path("store/admin.sock"));
  CHECK(socket.get("/admin/v1/cache/purge").status == 405);
  for (const char* body : {"", "nonsense", "{}", "[]", "{\"reference\":5}", "{\"reference\":\"\"}", "{\"digest\":\"sha256:1\"}"}) {
    auto status = socket.exchange("POST", "/admin/v1/cache/purge", {}, body).status;
    CHECK_MESSAGE((status == 400 || status == 404), std::string(body));
  }
  CHECK(socket.exchange("POST", "/admin/v1/cache/purge", {}, "{\"reference\":\"up/app\"}").status == 200);
  CHECK(scene.get(manifest_path("app", "latest")).headers.value("X-Cache") == "miss");
}

}  // namespace weir::testing
