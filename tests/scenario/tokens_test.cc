// Upstreams that ask for bearer tokens, and realms that fail.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

// A foreign address of this machine, under which the scripted upstream listens as well.
constexpr char kElsewhere[] = "127.0.0.2";

std::vector<RecordedRequest> token_requests(ScriptedUpstream& upstream) { return upstream.journal().requests("", "^/token"); }

}  // namespace

TEST_CASE("one token serves many requests at once, and is asked for as the specification says (pain 21)") {
  Scene scene;
  scene.upstream.require_bearer({.service = "registry.test & co"});
  auto gate = scene.upstream.hold("^/token");
  std::vector<Blob> blobs;
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    blobs.push_back(scene.put_blob(1000, seed, "team/app"));
    auto& client = clients.emplace_back(std::make_unique<HttpClient>(scene.weir.url()));
    REQUIRE(client->send_request("GET", blobs.back().path));
  }
  REQUIRE(scene.upstream.journal().wait_for_count("GET", "/blobs/", 12));
  REQUIRE(gate->wait_until_reached());
  gate->release();
  for (std::size_t i = 0; i < blobs.size(); ++i) CHECK(clients[i]->read_response().digest == blobs[i].digest);
  auto asked = token_requests(scene.upstream);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "GET");
  CHECK(asked[0].parameter("service") == "registry.test & co");
  CHECK(asked[0].parameters("scope") == std::vector<std::string>{"repository:team/app:pull"});
  CHECK(!asked[0].headers.has("Authorization"));
  // Known by now: the next request carries it from the start.
  scene.upstream.journal().clear();
  auto later = scene.put_blob(1000, 50, "team/app");
  CHECK(scene.get(later.path).digest == later.digest);
  CHECK(scene.upstream.journal().count() == 1);
  CHECK(scene.weir.metric("weir_upstream_token_requests_total", {{"result", "ok"}}) == 1);
}

TEST_CASE("each repository has a token of its own") {
  Scene scene;
  scene.upstream.require_bearer();
  for (const char* repository : {"a", "b", "a", "b"}) {
    auto blob = scene.put_blob(1000, scene.upstream.journal().count() + 1, repository);
    CHECK(scene.get(blob_path(repository, blob.digest)).digest == blob.digest);
  }
  CHECK(scene.upstream.tokens().given() == 2);
}

TEST_CASE("a token that the upstream no longer takes is renewed once and the request repeated (pain 19)") {
  Scene scene({.sections = "[cache]\ntag-ttl = 0\n"});
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  scene.upstream.require_bearer();
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  scene.upstream.tokens().expire_all();
  auto response = scene.get(manifest_path("app", "latest"));
  CHECK(response.status == 200);
  CHECK(response.headers.value("X-Cache") == "hit");
  CHECK(scene.upstream.tokens().given() == 2);
}

TEST_CASE("a token that expires in the middle of a blob is renewed for the resumption (pains 16, 19)") {
  Scene scene;
  scene.upstream.require_bearer();
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 500'000);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(500'001)});
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(wait_until([&] { return file_size(scene.partial_file(blob.digest)) == 500'000; }));
  scene.upstream.tokens().expire_all();
  gate->release();
  CHECK(client.read_response(Body::hash).digest == blob.digest);
  CHECK(scene.upstream.tokens().given() == 2);
}

TEST_CASE("a refusal of a fresh token is final: 403, one token, no hammering (pain 21)") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  scene.upstream.require_bearer({.hidden_repositories = {"app"}});
  CHECK(scene.get(blob.path).status == 403);
  CHECK(scene.upstream.tokens().asked() == 1);
  CHECK_SOON(scene.outcomes("blob"), "denied 1");
}

TEST_CASE("a realm that refuses or fails is 403 or 502, never 404, and is left alone for a while (pain 21)") {
  for (int status : {401, 404, 429, 500, 200}) {
    Scene scene;
    auto image = make_image({.layers = {"one"}});
    image.put(scene.upstream.registry(), "app", "latest");
    scene.upstream.require_bearer();
    auto rule = scene.upstream.add_rule({.path = "^/token", .action = answer(status, "{}")});
    auto response = scene.get(manifest_path("app", "latest"));
    CHECK(response.status == (status == 401 ? 403 : status == 429 ? 429 : 502));
    CHECK(error_code(response) != "");
    for (int i = 0; i < 4; ++i) CHECK(scene.get(manifest_path("app", "t" + std::to_string(i))).status != 404);
    CHECK(scene.upstream.rule_fired(rule) <= 2);
    // No bad result for ever.
    scene.upstream.clear_rules();
    CHECK(wait_until([&] { return scene.get(manifest_path("app", "latest")).status == 200; }));
  }
}

TEST_CASE("a realm that is out of reach or asks for a log-in of another kind is no 404 either (pain 21)") {
  Scene scene;
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  scene.upstream.require_basic("user", "password");
  CHECK(scene.get(manifest_path("app", "latest")).status == 403);
  for (const char* challenge : {"Bearer", "Bearer realm=\"\"", "Bearer realm=\"ftp://127.0.0.1/\"",
                                "Bearer realm=\"http://127.0.0.1:1/\"", "Nonsense", "Bearer realm=\"http://"}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.unauthorized = true, .action = with_header("WWW-Authenticate", challenge)});
    auto status = scene.get(manifest_path("app", "latest")).status;
    CHECK_MESSAGE((status == 502 || status == 403), std::string(challenge));
  }
}

TEST_CASE("the answer may name the token either way, and leave out how long it lives") {
  for (bool says_token : {true, false}) {
    Scene scene;
    auto blob = scene.put_blob(1000);
    scene.upstream.require_bearer({.expires_in = 0, .says_token = says_token, .says_access_token = !says_token});
    CHECK(scene.get(blob.path).digest == blob.digest);
  }
}

TEST_CASE("a realm on a private address of another host is refused unless token-realms names that host") {
  for (bool named : {false, true}) {
    Scene scene({.upstream = named ? "token-realms = 127.0.0.2\n" : "", .server = {.addresses = {"127.0.0.1", kElsewhere}}});
    auto blob = scene.put_blob(1000);
    scene.upstream.require_bearer();
    auto realm = scene.upstream.url_as(kElsewhere, "/token");
    scene.upstream.add_rule(
        {.unauthorized = true,
         .action = with_header("WWW-Authenticate",
                               "Bearer realm=\"" + realm + "\",service=\"registry.test\",scope=\"repository:app:pull\"")});
    // The rule above also spoils good answers' heads, which does no harm.
    CHECK(scene.get(blob.path).status == (named ? 200 : 502));
    CHECK(token_requests(scene.upstream).size() == (named ? 1 : 0));
  }
}

TEST_CASE("an upstream behind TLS is not asked for its token in the clear") {
  CertificateAuthority authority;
  ScriptedUpstream issuer;
  Scene scene({.upstream = "ca-file = {directory}/ca.pem\n",
               .server = {.certificate = authority.issue()},
               .files = {{"ca.pem", authority.certificate_pem()}}});
  auto blob = scene.put_blob(1000);
  issuer.tokens().configure({});
  scene.upstream.require_bearer_from(issuer);
  CHECK(scene.get(blob.path).status == 502);
  CHECK(issuer.journal().connections() == 0);
  scene.upstream.require_bearer();
  CHECK(scene.get(blob.path).digest == blob.digest);
}

TEST_CASE("an upstream whose certificate nobody vouches for is not spoken to") {
  CertificateAuthority authority;
  CertificateAuthority stranger("stranger");
  Scene scene({.upstream = "ca-file = {directory}/ca.pem\n",
               .server = {.certificate = stranger.issue()},
               .files = {{"ca.pem", authority.certificate_pem()}}});
  auto blob = scene.put_blob(1000);
  CHECK(scene.get(blob.path).status == 502);
  CHECK(scene.upstream.journal().count() == 0);
}

}  // namespace weir::testing
