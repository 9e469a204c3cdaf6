// Which upstream a request means: `?ns=`, the path, the Host, the default.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

// Three upstreams that hold different bytes under the same tag: `one` is the default, `two` has a second name, `hub` is
// Docker Hub.
struct Three {
  Three() { REQUIRE(weir.start()); }

  Response get(const std::string& repository, const std::string& query = "", const Headers& headers = {}) {
    return fetch(weir.url(), manifest_path(repository, "latest") + query, headers);
  }
  // Which upstream the manifest came from, and under which repository it was asked there.
  std::string whose(const Response& response) {
    std::string found = response.status == 200 ? "nobody's" : std::to_string(response.status);
    for (auto* each : {&one, &two, &hub}) {
      for (const auto& request : each->journal().requests()) {
        found = each == &one ? "one " : each == &two ? "two " : "hub ";
        found += request.path().substr(4, request.path().find("/manifests/") - 4);
      }
      each->journal().clear();
    }
    return found;
  }
  std::string asked(const std::string& repository, const std::string& query = "", const Headers& headers = {}) {
    return whose(get(repository, query, headers));
  }
  static void fill(ScriptedUpstream& upstream, const std::string& layer) {
    auto image = make_image({.layers = {Content(layer)}});
    for (const char* name : {"app", "team/app", "library/alpine", "alpine", "one/app", "two.test/app", "x/y/z"}) {
      image.put(upstream.registry(), name, "latest");
    }
  }

  ScriptedUpstream one, two, hub;
  WeirProcess weir{"[cache]\ntag-ttl = 0\nnegative-ttl = 0\n[upstream.one]\nurl = " + one.url() +
                   "\ndefault = on\n[upstream.two.test]\nurl = " + two.url() +
                   "\nnamespaces = two.test two.test:5000 second.test\n[upstream.docker.io]\nurl = " + hub.url() +
                   "\nnamespaces = docker.io registry-1.docker.io\n"};
};

}  // namespace

TEST_CASE("many upstreams live in one program, and each request finds its own (pain 11)") {
  Three scene;
  Three::fill(scene.one, "1");
  Three::fill(scene.two, "2");
  Three::fill(scene.hub, "3");
  // The default takes what names nobody.
  CHECK(scene.asked("app") == "one app");
  CHECK(scene.asked("x/y/z") == "one x/y/z");
  // The parameter decides before anything else.
  CHECK(scene.asked("app", "?ns=two.test") == "two app");
  CHECK(scene.asked("team/app", "?ns=TWO.test") == "two team/app");
  CHECK(scene.asked("app", "?ns=two.test%3a5000") == "two app");
  CHECK(scene.asked("two.test/app", "?ns=one") == "one two.test/app");
  // Then the path.
  CHECK(scene.asked("two.test/team/app") == "two team/app");
  CHECK(scene.asked("second.test/app") == "two app");
  CHECK(scene.asked("one/app") == "one app");
  CHECK(scene.asked("two.test/app", "", {{"Host", "docker.io"}}) == "two app");
  // Then the Host, with its port or without.
  CHECK(scene.asked("app", "", {{"Host", "second.test"}}) == "two app");
  CHECK(scene.asked("app", "", {{"Host", "Second.Test:8443"}}) == "two app");
  CHECK(scene.asked("app", "", {{"Host", "two.test:5000"}}) == "two app");
  CHECK(scene.asked("app", "", {{"Host", "nobody.test"}}) == "one app");
}

TEST_CASE("names of one component get library/ at Docker Hub and nowhere else") {
  Three scene;
  for (auto* each : {&scene.one, &scene.two, &scene.hub}) Three::fill(*each, "x");
  CHECK(scene.asked("docker.io/alpine") == "hub library/alpine");
  CHECK(scene.asked("alpine", "?ns=docker.io") == "hub library/alpine");
  CHECK(scene.asked("alpine", "?ns=registry-1.docker.io") == "hub library/alpine");
  CHECK(scene.asked("alpine", "", {{"Host", "docker.io"}}) == "hub library/alpine");
  CHECK(scene.asked("docker.io/library/alpine") == "hub library/alpine");
  CHECK(scene.asked("docker.io/team/app") == "hub team/app");
  CHECK(scene.asked("alpine", "?ns=two.test") == "two alpine");
  CHECK(scene.asked("alpine") == "one alpine");
}

TEST_CASE("all names of a repository are one repository: what one fetched the others hit") {
  Three scene;
  Three::fill(scene.hub, "x");
  auto digest = scene.get("docker.io/library/alpine").headers.value("Docker-Content-Digest");
  scene.hub.journal().clear();
  for (const auto& target : {manifest_path("docker.io/alpine", digest), manifest_path("alpine", digest) + "?ns=docker.io",
                             manifest_path("library/alpine", digest) + "?ns=registry-1.docker.io",
                             manifest_path("registry-1.docker.io/alpine", digest)}) {
    CHECK(fetch(scene.weir.url(), target).headers.value("X-Cache") == "hit");
  }
  CHECK(scene.hub.journal().count() == 0);
}

TEST_CASE("OCI-Namespace repeats the parameter that decided, and is left out where none did") {
  Three scene;
  Three::fill(scene.two, "2");
  Three::fill(scene.one, "1");
  auto response = scene.get("app", "?ns=two.test");
  CHECK(response.status == 200);
  CHECK(response.headers.value("OCI-Namespace") == "two.test");
  auto layer = make_image({.layers = {"2"}}).layer_digest(0);
  auto blob = fetch(scene.weir.url(), blob_path("app", layer) + "?ns=second.test");
  CHECK(blob.status == 200);
  CHECK(blob.headers.value("OCI-Namespace") == "second.test");
  CHECK(fetch(scene.weir.url(), manifest_path("app", "none") + "?ns=two.test").headers.value("OCI-Namespace") == "two.test");
  CHECK(!scene.get("app").headers.has("OCI-Namespace"));
  CHECK(!scene.get("two.test/app").headers.has("OCI-Namespace"));
}

TEST_CASE("a namespace that nobody configured is 404, one that cannot be is 400, and neither asks anybody") {
  Three scene;
  Three::fill(scene.one, "1");
  auto unknown = scene.get("app", "?ns=nobody.test");
  CHECK(unknown.status == 404);
  CHECK(error_code(unknown) == "NAME_UNKNOWN");
  for (const char* query : {"?ns=", "?ns=a/b", "?ns=..", "?ns=a%0d%0ab", "?ns=%00", "?ns=user@host"}) {
    auto response = scene.get("app", query);
    CHECK_MESSAGE((response.status == 400 || response.status == 404), std::string(query));
    CHECK(error_code(response) != "");
  }
  CHECK(scene.one.journal().count() == 0);
}

TEST_CASE("without a default a request that names nobody is 404") {
  ScriptedUpstream upstream;
  make_image({.layers = {"one"}}).put(upstream.registry(), "app", "latest");
  WeirProcess weir("[upstream.up]\nurl = " + upstream.url() + "\n");
  REQUIRE(weir.start());
  auto response = fetch(weir.url(), manifest_path("app", "latest"));
  CHECK(response.status == 404);
  CHECK(error_code(response) == "NAME_UNKNOWN");
  CHECK(fetch(weir.url(), manifest_path("up/app", "latest")).status == 200);
  CHECK(fetch(weir.url(), "/v2/").status == 200);
}

TEST_CASE("an upstream below a path of its host is asked there") {
  Scene scene({.start = false});
  auto image = make_image({.layers = {"one"}});
  scene.upstream.registry().put_object("/proxy/v2/app/manifests/" + image.digest(), Content(image.bytes()), image.media_type());
  scene.weir.set_configuration("[upstream.up]\nurl = " + scene.upstream.url("/proxy/") + "\ndefault = on\n");
  REQUIRE(scene.weir.start());
  CHECK(scene.get(manifest_path("app", image.digest())).digest == image.digest());
}

TEST_CASE(
    "what a client sends to log in goes nowhere: not to the upstream, not into the log, and is no reason for 401 "
    "(pain 13)") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "latest");
  Headers credentials{{"Authorization", basic_authorization("someone", "swordfish")}, {"Cookie", "session=swordfish"}};
  for (const auto& target : {std::string("/v2/"), manifest_path("app", "latest"), blob_path("app", image.layer_digest(0))}) {
    CHECK(scene.get(target, credentials).status == 200);
  }
  CHECK(scene.upstream.journal().count() == 2);
  CHECK(scene.upstream.journal().with_header("Authorization").empty());
  CHECK(scene.upstream.journal().with_header("Cookie").empty());
  CHECK(scene.weir.terminate() == 0);
  CHECK(scene.weir.log().find("swordfish") == std::string::npos);
  CHECK(scene.weir.log().find(basic_authorization("someone", "swordfish").substr(6)) == std::string::npos);
}

}  // namespace weir::testing
