// Rules, as clients meet them: what is denied is denied by tag, by digest and by blob, before anybody is asked.
#include <atomic>
#include <thread>

#include "tests/scenario/dice.h"
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

CommandResult policy(const Scene& scene, std::vector<std::string> words) {
  words.insert(words.begin(), "policy");
  words.insert(words.end(), {"--config", scene.weir.path("weir.conf"), "--set", "cache.directory=" + scene.weir.path("store")});
  auto result = run_weir(words);
  result.output += result.error;
  return result;
}

// An image under `tag` of a repository, and one in another.
struct Ruled : Scene {
  explicit Ruled(const std::string& rules, const std::string& more = "", bool start = true)
      : Scene({.sections = "[policy]\nfile = {directory}/policy.rules\n" + more, .files = {{"policy.rules", rules}}, .start = start}) {
    image.put(upstream.registry(), "app", "latest");
    other.put(upstream.registry(), "secret/app", "v1");
  }
  double decided(const std::string& effect) const { return weir.metric("weir_policy_decisions_total", {{"effect", effect}}); }

  Image image = make_image({.layers = {Content("layer of app")}});
  Image other = make_image({.layers = {Content("layer of secret")}});
  std::string layer = blob_path("app", image.layer_digest(0));
};

}  // namespace

TEST_CASE("a denied repository is denied by tag, digest and blob, with the rule's name, and nobody is asked") {
  Ruled scene("no-secrets deny * * up/secret/**\n");
  for (const auto& path : {manifest_path("secret/app", "v1"), manifest_path("secret/app", scene.other.digest()),
                           blob_path("secret/app", scene.other.layer_digest(0)), std::string("/v2/secret/app/tags/list"),
                           "/v2/secret/app/referrers/" + scene.other.digest()}) {
    const auto response = scene.get(path);
    CHECK_MESSAGE(response.status == 403, path);
    CHECK(response.reason == "Denied by policy rule no-secrets");
    CHECK(error_code(response) == "DENIED");
    CHECK(response.body.find("denied by policy rule no-secrets") != std::string::npos);
    CHECK(scene.head(path).status == 403);
  }
  CHECK(scene.upstream.journal().count("GET") == 0);
  CHECK(scene.get("/v2/").status == 200);
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK_SOON(scene.decided("deny"), 10);
  CHECK(scene.decided("allow") == 1);
  CHECK(scene.outcomes("manifest").find("denied 4") != std::string::npos);
  CHECK(wait_until(
      [&] { return scene.weir.log().find("\"place\":\"" + scene.weir.path("policy.rules") + ":1\"") != std::string::npos; }));
}

TEST_CASE("the blob of a denied repository is not had through an allowed one") {
  Ruled scene("no-secrets deny * * up/secret/**\n");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(blob_path("app", scene.other.layer_digest(0))).status == 404);
  CHECK(scene.get(manifest_path("app", scene.other.digest())).status == 404);
}

TEST_CASE("a rule on tags holds for the digest and the blobs below it, and not when another tag leads there") {
  Ruled scene("no-latest deny * pull ** tag=latest\n");
  scene.other.put(scene.upstream.registry(), "app", "v1");
  CHECK(scene.get(manifest_path("app", "latest")).status == 403);
  CHECK(scene.upstream.journal().count("GET") == 0);
  // Nobody has seen where `latest` leads, so its digest is any digest. When that is known it is denied.
  CHECK(scene.get(manifest_path("app", "v1")).status == 200);
  CHECK(scene.get(manifest_path("app", scene.other.digest())).status == 200);
  CHECK(scene.get(blob_path("app", scene.other.layer_digest(0))).status == 200);
}

TEST_CASE("what was pulled under a tag is denied by digest and blob once a rule denies the tag") {
  Ruled scene("nothing deny nobody pull **\n");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(scene.layer).status == 200);
  scene.weir.directory().write("policy.rules", "no-latest deny * pull ** tag=latest\n");
  CHECK(policy(scene, {"reload"}).exit_code == 0);
  CHECK(scene.get(manifest_path("app", scene.image.digest())).status == 403);
  CHECK(scene.get(scene.layer).status == 403);
  CHECK(scene.get(blob_path("app", scene.image.config_digest())).status == 403);
  // Another tag, and the same bytes are free.
  scene.image.put(scene.upstream.registry(), "app", "v1");
  CHECK(scene.get(manifest_path("app", "v1")).status == 200);
  CHECK(scene.get(manifest_path("app", scene.image.digest())).status == 200);
  CHECK(scene.get(scene.layer).status == 200);
  REQUIRE(scene.weir.restart());
  CHECK(scene.get(scene.layer).status == 200);
}

TEST_CASE("the children of an index are judged by its tags") {
  auto amd64 = make_image({.layers = {Content("amd64")}});
  auto arm64 = make_image({.platform = {.architecture = "arm64"}, .layers = {Content("arm64")}});
  auto index = make_index({.children = {amd64, arm64}});
  Ruled scene("only-v allow * pull ** tag=v*\n", "default = deny\n");
  index.put(scene.upstream.registry(), "app", "v1");
  CHECK(scene.get(manifest_path("app", arm64.digest())).status == 403);
  CHECK(scene.get(manifest_path("app", "v1")).status == 200);
  CHECK(scene.get(manifest_path("app", arm64.digest())).status == 200);
  CHECK(scene.get(blob_path("app", arm64.layer_digest(0))).status == 200);
  CHECK(scene.get(manifest_path("app", "latest")).status == 403);
}

TEST_CASE("other platforms than the allowed ones are refused, whether an index says so or the image itself") {
  auto windows = make_image({.platform = {.os = "windows"}, .layers = {Content("windows")}});
  auto linux = make_image({.layers = {Content("linux")}});
  Ruled scene("arch limit * pull ** platforms=linux/amd64\n");
  make_index({.children = {linux, windows}}).put(scene.upstream.registry(), "many", "v1");
  windows.put(scene.upstream.registry(), "one", "w");
  linux.put(scene.upstream.registry(), "one", "l");
  CHECK(scene.get(manifest_path("many", "v1")).status == 200);
  CHECK(scene.get(manifest_path("many", linux.digest())).status == 200);
  CHECK(scene.get(manifest_path("many", windows.digest())).status == 403);
  CHECK(scene.get(blob_path("many", windows.layer_digest(0))).status == 403);
  CHECK(scene.get(blob_path("many", linux.layer_digest(0))).status == 200);
  CHECK(scene.get(manifest_path("one", "w")).status == 403);
  CHECK(scene.get(manifest_path("one", "l")).status == 200);
  CHECK(scene.get(blob_path("one", windows.layer_digest(0))).status == 403);
}

TEST_CASE("audit decides, logs and counts, and lets through") {
  Ruled scene("no-secrets deny * * up/secret/**\n", "mode = audit\n");
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 200);
  CHECK_SOON(scene.decided("audit"), 1);
  CHECK(scene.decided("deny") == 0);
  CHECK(wait_until([&] { return scene.weir.log().find("would be denied by policy") != std::string::npos; }));
}

TEST_CASE("offline: what is held is served however old, and nothing is asked of the upstream") {
  Ruled scene("nothing deny nobody pull **\n", "[cache]\ntag-ttl = 0s\n");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(scene.layer).status == 200);
  CHECK_SOON(scene.fills(), "ok 1");
  scene.weir.directory().write("policy.rules", "air limit * pull,list ** offline\n");
  CHECK(policy(scene, {"reload"}).exit_code == 0);
  scene.upstream.journal().clear();
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(manifest_path("app", scene.image.digest())).status == 200);
  CHECK(scene.get(scene.layer).status == 200);
  for (const auto& path : {manifest_path("app", "other"), manifest_path("secret/app", "v1"),
                           blob_path("app", scene.image.config_digest()), std::string("/v2/app/tags/list")}) {
    const auto response = scene.get(path);
    CHECK_MESSAGE(response.status == 403, path);
    CHECK(response.body.find("policy rule air") != std::string::npos);
  }
  CHECK(scene.upstream.journal().count("GET") == 0);
  CHECK(scene.upstream.journal().count("HEAD") == 0);
}

TEST_CASE("a digest waits in quarantine until its time is over or a person releases it") {
  Ruled scene("nothing deny nobody pull **\n");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);  // held before the rule
  CHECK(scene.get(scene.layer).status == 200);
  scene.weir.directory().write("policy.rules", "quarantine deny * pull ** first-seen<7d\n");
  CHECK(policy(scene, {"reload"}).exit_code == 0);
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(scene.layer).status == 200);

  const auto layer = blob_path("secret/app", scene.other.layer_digest(0));
  CHECK(scene.get(layer).status == 403);  // of no manifest that is known
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 403);
  CHECK(scene.get(manifest_path("secret/app", scene.other.digest())).status == 403);
  CHECK(scene.get(layer).status == 403);
  REQUIRE(scene.weir.restart());
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 403);

  CHECK(policy(scene, {"release", "sha256:nonsense"}).exit_code == 2);
  CHECK(policy(scene, {"release", scene.other.digest()}).exit_code == 0);
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 200);
  CHECK(scene.get(layer).status == 200);
  CHECK(wait_until([&] { return scene.weir.log().find("released from quarantine") != std::string::npos; }));
  REQUIRE(scene.weir.restart());
  CHECK(scene.get(layer).status == 200);
}

TEST_CASE("quarantine ends by itself when a digest was seen long enough ago") {
  Ruled scene("quarantine deny * pull ** first-seen<2s\n");
  CHECK(scene.get(manifest_path("app", "latest")).status == 403);
  CHECK(wait_until([&] { return scene.get(manifest_path("app", "latest")).status == 200; }));
  CHECK(scene.get(scene.layer).status == 200);
}

TEST_CASE("a program does not start with wrong rules, and says all that is wrong") {
  Ruled scene("a alow * pull **\nb deny * pul **\n", "", false);
  scene.weir.launch();
  CHECK(scene.weir.wait_for_exit() == 2);
  CHECK(scene.weir.log().find("policy.rules:1:3: \\\"alow\\\" is no effect") != std::string::npos);
  CHECK(scene.weir.log().find("policy.rules:2:10: \\\"pul\\\" is no action") != std::string::npos);
}

TEST_CASE("wrong rules are refused while the old ones serve on: log, exit code and gauge say so") {
  Ruled scene("no-secrets deny * * up/secret/**\n");
  scene.weir.directory().write("policy.rules", "nonsense\n");
  const auto refused = policy(scene, {"reload"});
  CHECK(refused.exit_code == 1);
  CHECK(refused.output.find("policy.rules:1:9") != std::string::npos);
  CHECK(scene.weir.metric("weir_policy_load_failed") == 1);
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 403);
  scene.weir.hang_up();
  CHECK_SOON(scene.weir.metric("weir_config_reload_failed"), 1);
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 403);
  scene.weir.directory().write("policy.rules", "");
  CHECK(policy(scene, {"reload"}).exit_code == 0);
  CHECK(scene.weir.metric("weir_policy_load_failed") == 0);
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 200);
}

// Under each of the two policies exactly one of the repositories is served, so one of both answers tells which it was; half
// of one would serve both or neither, under a name that is not the rule's.
TEST_CASE("reloads under load: no request sees half a policy, and nothing is left behind") {
  const std::string one = "one-a allow * pull up/app\none-b deny * pull up/secret/app\n";
  const std::string two = "two-a allow * pull up/secret/app\ntwo-b deny * pull up/app\n";
  Ruled scene(one, "default = deny\n");
  const auto reloads = static_cast<int>(from_environment("WEIR_RELOADS", sanitized() ? 4 : 12));
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  scene.weir.directory().write("policy.rules", two);
  CHECK(policy(scene, {"reload"}).exit_code == 0);
  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 200);
  const auto descriptors = scene.weir.open_descriptors();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, asked{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      HttpClient client(scene.weir.url());
      while (!stop.load()) {
        const bool secret = (asked.fetch_add(1) + i) % 2;
        const auto response = client.get(secret ? manifest_path("secret/app", "v1") : manifest_path("app", "latest"));
        const std::string rule = secret ? "Denied by policy rule one-b" : "Denied by policy rule two-b";
        if (response.status != 200 && !(response.status == 403 && response.reason == rule)) wrong.fetch_add(1);
        std::this_thread::sleep_for(Milliseconds(1));
      }
    });
  }
  // Over the socket, without a process for each.
  std::uint64_t settled = 0;
  for (int i = 0; i < reloads; ++i) {
    if (i == reloads / 2) settled = scene.weir.rss_anon_kib();
    scene.weir.directory().write("policy.rules", i % 2 ? two : one);
    HttpClient admin("unix:" + scene.weir.path("store/admin.sock"));
    const auto response = admin.exchange("POST", "/admin/v1/policy/reload", {{"Content-Type", "application/json"}}, "{}");
    CHECK(response.status == 200);
    // After the answer nobody is served by the old one.
    CHECK(scene.get(manifest_path("app", "latest")).status == (i % 2 ? 403 : 200));
    CHECK(scene.get(manifest_path("secret/app", "v1")).status == (i % 2 ? 200 : 403));
  }
  stop.store(true);
  for (auto& client : clients) client.join();
  CHECK(wrong.load() == 0);
  CHECK(asked.load() > reloads);
  CHECK_SOON(scene.weir.open_descriptors() <= descriptors, true);
  if (!sanitized()) CHECK(scene.weir.rss_anon_kib() < settled + 4 * kKiB);
}

TEST_CASE("an end while rules are being read is an end") {
  std::string rules;
  for (int i = 0; i < 20'000; ++i) rules += "r" + std::to_string(i) + " deny * pull up/*/" + std::to_string(i * 7919) + "*\n";
  Ruled scene("one allow * pull **\n");
  scene.weir.directory().write("policy.rules", rules);
  scene.weir.hang_up();
  CHECK(scene.weir.terminate() == 0);
  CHECK(scene.weir.log().find("\"event\":\"stopped\"") != std::string::npos);
}

TEST_CASE("from= is asked of whom a trusted proxy speaks for") {
  Ruled scene("base allow * pull **\nno-lab deny * pull ** from=10.66.0.0/16,2001:db8::/32\n",
              "[server]\ntrusted-proxies = 127.0.0.1\n");
  const auto path = manifest_path("app", "latest");
  CHECK(scene.get(path, {{"X-Forwarded-For", "10.66.1.2"}}).status == 403);
  CHECK(scene.get(path, {{"X-Forwarded-For", "2001:db8::7"}}).status == 403);
  CHECK(scene.get(path, {{"X-Forwarded-For", "[2001:db8::7]:4711"}}).status == 403);
  CHECK(scene.get(path, {{"X-Forwarded-For", "10.67.1.2"}}).status == 200);
  CHECK(scene.get(path).status == 200);
}

TEST_CASE("the commands tell mistakes, explain decisions, and replay a log") {
  Ruled scene("base allow * pull up/**\nno-latest deny * pull ** tag=latest\nq deny ci pull ** first-seen<1h\n");
  const auto file = scene.weir.path("policy.rules");
  CHECK(policy(scene, {"check", file}).exit_code == 0);
  scene.weir.directory().write("bad.rules", "a alow * pull **\n");
  const auto bad = policy(scene, {"check", scene.weir.path("bad.rules")});
  CHECK(bad.exit_code == 2);
  CHECK(bad.output.find("bad.rules:1:3: \"alow\" is no effect; did you mean \"allow\"?") != std::string::npos);

  const auto denied = policy(scene, {"explain", "--as", "x", "pull", "up/app:latest"});
  CHECK(denied.exit_code == 1);
  CHECK(denied.output.find("deny: rule no-latest (" + file + ":2)") != std::string::npos);
  CHECK(denied.output.find("also allow: rule base (" + file + ":1)") != std::string::npos);
  CHECK(policy(scene, {"explain", "--as", "x", "pull", "app:v1"}).exit_code == 0);
  const auto depends = policy(scene, {"explain", "--as", "ci", "--from", "10.0.0.1", "--format", "json", "pull", "app:v1"});
  CHECK(depends.exit_code == 1);
  CHECK(depends.output.find(R"("decision":"depends","rule":"q","effect":"deny")") != std::string::npos);
  CHECK(depends.output.find(R"("depends_on":"when it was first seen")") != std::string::npos);
  CHECK(policy(scene, {"explain", "--as", "x", "eat", "app:v1"}).exit_code == 2);

  CHECK(scene.get(manifest_path("secret/app", "v1")).status == 200);
  CHECK(scene.get(manifest_path("app", "latest")).status == 403);
  CHECK(wait_until([&] { return scene.weir.log().find("\"outcome\":\"denied\"") != std::string::npos; }));
  scene.weir.directory().write("access.log", scene.weir.log());
  scene.weir.directory().write("new.rules", "no-secrets deny * pull up/secret/**\n");
  const auto replayed = policy(scene, {"replay", "--log", scene.weir.path("access.log"), "--with", scene.weir.path("new.rules")});
  CHECK(replayed.exit_code == 1);
  CHECK(replayed.output.find("up/secret/app v1: would be denied, by rule no-secrets") != std::string::npos);
  CHECK(replayed.output.find("up/app latest: would be allowed, by the default") != std::string::npos);
  CHECK(replayed.output.find("2 of 2 requests") != std::string::npos);
  CHECK(policy(scene, {"replay", "--log", scene.weir.path("access.log"), "--with", file}).exit_code == 0);
}

}  // namespace weir::testing
