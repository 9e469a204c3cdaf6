// Who may see what an upstream shows only to some: visibility = client, and the other two beside it.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr char kBob[] = "Basic Ym9iOnNlY3JldA==";       // bob:secret, whom the upstream knows
constexpr char kEve[] = "Basic ZXZlOmd1ZXNz";           // eve:guess

enum class Asks { basic, bearer };

// An upstream that knows bob and this site by the same password.
struct Private : Scene {
  explicit Private(Asks asks = Asks::basic, const std::string& visibility = "client", const std::string& sections = "")
      : Scene({.upstream = std::string("auth = ") + (asks == Asks::basic ? "basic" : "bearer") +
                           "\nusername = bob\npassword-file = env:UP_PASSWORD\nvisibility = " + visibility + "\n",
               .sections = sections,
               .environment = {{"UP_PASSWORD", "secret"}}}) {
    if (asks == Asks::basic) upstream.require_basic("bob", "secret");
    else upstream.require_bearer({.username = "bob", .password = "secret"});
    image.put(upstream.registry(), "app", "v1");
    image.put(upstream.registry(), "other", "v1");
  }
  int status(const std::string& target, const std::string& authorization) {
    return (authorization.empty() ? get(target) : get(target, {{"Authorization", authorization}})).status;
  }
  std::vector<std::string> everything() const {
    return {manifest_path("app", "v1"), manifest_path("app", image.digest()), blob_path("app", image.layer_digest(0)),
            "/v2/app/tags/list", "/v2/app/referrers/" + image.digest()};
  }

  Image image = make_image({.layers = {"one"}});
};

}  // namespace

TEST_CASE(
    "private content is shown to those whom the upstream lets in, by tag, digest and blob, on misses as on hits (pain 12)") {
  for (Asks asks : {Asks::basic, Asks::bearer}) {
    Private scene(asks);
    for (bool hit : {false, true}) {
      for (const auto& target : scene.everything()) {
        INFO(target);
        CHECK(scene.status(target, "") == 401);
        CHECK(scene.status(target, kEve) == 401);
        CHECK(scene.status(target, kBob) == 200);
        // Nor does it help a stranger that bob has just been here.
        CHECK(scene.status(target, "") == 401);
        CHECK(scene.status(target, kEve) == 401);
      }
      CHECK(scene.head(manifest_path("app", "v1")).status == 401);
      (void)hit;
    }
  }
}

TEST_CASE("a stranger's question fetches nothing, and is answered with a challenge") {
  Private scene;
  const auto response = scene.get(manifest_path("app", "v1"));
  CHECK(response.status == 401);
  CHECK(response.headers.value("WWW-Authenticate") == "Basic realm=\"weir\"");
  CHECK(error_code(response) == "UNAUTHORIZED");
  CHECK(scene.stored("blobs").empty());
  CHECK_SOON(scene.outcomes("manifest"), "denied 1");
}

TEST_CASE("the upstream's yes is remembered for the repository, whatever of it is asked for next") {
  Private scene;
  for (int i = 0; i < 3; ++i) {
    for (const auto& target : scene.everything()) CHECK(scene.status(target, kBob) == 200);
  }
  CHECK(scene.upstream.journal().count("HEAD") == 1);  // the proof; everything else was for the cache
  CHECK(scene.status(manifest_path("other", "v1"), kBob) == 200);
  CHECK(scene.upstream.journal().count("HEAD") == 2);
}

TEST_CASE("the proof of a blob is one byte by GET, never HEAD") {
  Private scene;
  const auto blob = blob_path("app", scene.image.layer_digest(0));
  CHECK(scene.status(blob, kBob) == 200);
  CHECK(scene.ranges(blob) == std::vector<std::string>{"bytes=0-0", ""});
  CHECK(scene.upstream.journal().count("HEAD") == 0);
}

TEST_CASE("many who ask at once with the same credentials are one question to the upstream") {
  Private scene;
  auto gate = scene.upstream.hold("/manifests/v1", kBeforeHead, "HEAD");
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<HttpClient>(scene.weir.url()));
    REQUIRE(clients.back()->send_request("GET", manifest_path("app", "v1"), {{"Authorization", kBob}}));
  }
  REQUIRE(gate->wait_until_reached());
  gate->release();
  for (auto& client : clients) CHECK(client->read_response().status == 200);
  CHECK(scene.upstream.journal().count("HEAD") <= 2);  // who came late found the answer, or asked for itself
}

TEST_CASE("a caller may bring a token of the upstream's own") {
  Private scene(Asks::bearer);
  const auto token = fetch(scene.upstream.url(), "/token?service=registry.test&scope=repository:app:pull",
                           {{"Authorization", kBob}});
  const auto begin = token.body.find("\"token\":\"") + 9;
  const auto bearer = "Bearer " + token.body.substr(begin, token.body.find('"', begin) - begin);
  CHECK(scene.status(manifest_path("app", "v1"), bearer) == 200);
  CHECK(scene.status(manifest_path("other", "v1"), bearer) == 401);
  CHECK(scene.status(manifest_path("app", "v1"), "Bearer x") == 401);
}

TEST_CASE("what the upstream shows to anybody is shown without credentials") {
  Private scene;
  scene.upstream.allow_anyone();
  CHECK(scene.status(manifest_path("app", "v1"), "") == 200);
  scene.upstream.require_basic("bob", "secret");
  CHECK(scene.status(manifest_path("app", "v1"), "") == 200);  // for some minutes
  CHECK(scene.status(manifest_path("other", "v1"), "") == 401);
}

TEST_CASE("an upstream that cannot say is 503 for strangers; those it has let in are served on") {
  Private scene;
  for (const auto& target : scene.everything()) CHECK(scene.status(target, kBob) == 200);
  scene.upstream.stop();
  for (const auto& target : scene.everything()) {
    INFO(target);
    CHECK(scene.status(target, kBob) == 200);
    const auto refused = scene.get(target, {{"Authorization", kEve}});
    CHECK(refused.status == 503);
    CHECK(refused.headers.has("Retry-After"));
    CHECK(scene.status(target, "") == 503);
  }
  scene.upstream.start();
  CHECK(wait_until([&] { return scene.status(manifest_path("app", "v1"), kEve) == 401; }));
}

TEST_CASE("a login page in front of the upstream proves nothing") {
  Private scene;
  CHECK(scene.status(manifest_path("app", "v1"), kBob) == 200);
  CHECK(scene.status(blob_path("app", scene.image.layer_digest(0)), kBob) == 200);
  scene.upstream.allow_anyone();
  scene.upstream.add_rule({.action = answer(200, "<html>", {{"Content-Type", "text/html; charset=utf-8"}})});
  CHECK(scene.status(manifest_path("app", "v1"), kEve) == 503);
  CHECK(scene.status(blob_path("app", scene.image.layer_digest(0)), kEve) == 503);
  CHECK(scene.status("/v2/app/tags/list", kEve) == 503);
}

TEST_CASE("a refusal is not asked for again at once, and not for ever") {
  Private scene;
  for (int i = 0; i < 20; ++i) CHECK(scene.status(manifest_path("app", "v1"), kEve) == 401);
  CHECK(scene.upstream.journal().count() <= 3);
  scene.upstream.require_basic("eve", "guess");
  CHECK(wait_until([&] { return scene.status(manifest_path("app", "v1"), kEve) != 401; }));
}

TEST_CASE("what is not there is 404 to whom the upstream lets in, and credentials of other kinds are not tried") {
  Private scene;
  CHECK(scene.status(manifest_path("app", "gone"), kBob) == 404);
  CHECK(scene.status(blob_path("app", "sha256:" + std::string(64, 'a')), kBob) == 404);
  scene.upstream.journal().clear();
  CHECK(scene.status(manifest_path("app", "v1"), "Negotiate abc") == 401);
  CHECK(scene.status(manifest_path("app", "v1"), "Digest username=bob") == 401);
  CHECK(scene.upstream.journal().count() == 0);
}

TEST_CASE("/v2/ asks for credentials where the upstream that it means shows nothing without") {
  Private scene;
  CHECK(scene.get("/v2/").status == 401);
  CHECK(scene.get("/v2/", {{"Authorization", kBob}}).status == 200);
  CHECK(scene.get("/v2/?ns=elsewhere").status == 200);
  CHECK(scene.upstream.journal().count() == 0);
}

TEST_CASE("what a caller sends goes nowhere with shared and public, and is never in the log") {
  for (const char* visibility : {"shared", "public", "client"}) {
    Private scene(Asks::basic, visibility);
    const bool client = std::string(visibility) == "client";
    CHECK(scene.status(manifest_path("app", "v1"), kEve) == (client ? 401 : 200));
    CHECK(scene.status(manifest_path("app", "v1"), "") == (client ? 401 : 200));
    for (const auto& request : scene.upstream.journal().with_header("Authorization"))
      CHECK((client || request.headers.value("Authorization") == kBob));
    CHECK(scene.weir.log().find("ZXZlOmd1ZXNz") == std::string::npos);
    CHECK(scene.weir.log().find("guess") == std::string::npos);
  }
}

TEST_CASE("another upstream beside it stays as open as it was") {
  ScriptedUpstream open;
  Private scene(Asks::basic, "client", "[upstream.open]\nurl = " + open.url() + "\n");
  make_image({.layers = {"two"}}).put(open.registry(), "app", "v1");
  CHECK(scene.status("/v2/open/app/manifests/v1", "") == 200);
  CHECK(scene.status("/v2/open/app/manifests/v1", kEve) == 200);
  CHECK(open.journal().with_header("Authorization").empty());
}

}  // namespace weir::testing
