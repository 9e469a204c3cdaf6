// Upstreams that send us to an object store, and where we do not let ourselves be sent.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr char kElsewhere[] = "127.0.0.2";

// A scene whose upstream asks for a token and redirects its blobs to `store`, which has them.
struct Stored : Scene {
  explicit Stored(SceneOptions options = {}) : Scene(options) { upstream.require_bearer(); }

  Blob redirected(std::uint64_t size, int status = 307) {
    auto blob = put_blob(size, ++seed);
    store.registry().put_object(blob.path, blob.content);
    upstream.add_rule({.path = exactly(blob.path), .action = redirect(status, store.url("{target}?signature=1"))});
    return blob;
  }

  ScriptedUpstream store;
  std::uint64_t seed = 0;
};

}  // namespace

TEST_CASE("a redirect to another origin is followed without Authorization, and never shown to the client (pain 20)") {
  for (int status : {301, 302, 303, 307, 308}) {
    Stored scene;
    auto blob = scene.redirected(100'000, status);
    auto response = scene.get(blob.path, {{"Cookie", "a=b"}});
    CHECK(response.status == 200);
    CHECK(response.digest == blob.digest);
    CHECK(!response.headers.has("Location"));
    auto asked = scene.store.journal().requests();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].method == "GET");
    CHECK(asked[0].query() == "signature=1");
    CHECK(!asked[0].headers.has("Authorization"));
    CHECK(!asked[0].headers.has("Cookie"));
    CHECK(scene.upstream.journal().with_header("Authorization").size() == 1);
  }
}

TEST_CASE("a redirect within the upstream keeps the token") {
  Scene scene;
  scene.upstream.require_bearer();
  auto blob = scene.put_blob(1000);
  auto moved = blob_path("moved", blob.digest);
  scene.upstream.add_rule({.path = exactly(moved), .action = redirect(307, blob.path)});
  // The token is for the repository that was asked for, so this upstream grants it for both.
  scene.upstream.allow_anyone();
  CHECK(scene.get(moved).digest == blob.digest);
  CHECK(scene.upstream.journal().count() == 2);
}

TEST_CASE("a resumption asks the upstream for a new address: a signed one may have expired (pains 16, 20)") {
  Stored scene;
  auto blob = scene.redirected(kMiB);
  scene.store.add_rule({.times = 1, .action = truncated_after(600'000)});
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  auto asked = scene.store.journal().requests();
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].headers.value("Range") == "bytes=600000-");
  CHECK(scene.upstream.rule_fired(0) == 2);
  REQUIRE(scene.store.journal().wait_until_idle());
  CHECK(scene.store.journal().body_bytes() == kMiB);
}

TEST_CASE("a probe of one byte follows the redirect as well, by GET (pain 20)") {
  Stored scene;
  auto blob = scene.redirected(1000);
  auto head = scene.head(blob.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == "1000");
  auto asked = scene.store.journal().requests();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "GET");
  CHECK(asked[0].headers.value("Range") == "bytes=0-0");
}

TEST_CASE("five redirects are followed, six are not (pain 20)") {
  for (int count : {5, 6}) {
    Scene scene;
    auto blob = scene.put_blob(1000);
    for (int i = 0; i < count; ++i) {
      auto from = i == 0 ? blob.path : "/hop/" + std::to_string(i);
      auto to = i + 1 == count ? "/end" : "/hop/" + std::to_string(i + 1);
      scene.upstream.add_rule({.path = exactly(from), .action = redirect(302, to)});
    }
    scene.upstream.registry().put_object("/end", blob.content);
    CHECK(scene.get(blob.path).status == (count == 5 ? 200 : 502));
  }
}

TEST_CASE("a redirect that leads nowhere is 502") {
  Scene scene({.sections = "[cache]\nnegative-ttl = 0\n"});
  auto blob = scene.put_blob(1000);
  for (const auto& action : {redirect(307, "{target}"), answer(307), redirect(307, "ftp://127.0.0.1/x"), redirect(307, "http://"),
                             redirect(307, "file:///etc/passwd"), redirect(307, "http://user@127.0.0.1/")}) {
    CAPTURE(action.headers.value("Location"));
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.path = exactly(blob.path), .action = action});
    auto response = scene.get(blob.path);
    CHECK(response.status == 502);
    CHECK(error_code(response) != "");
  }
}

TEST_CASE("a redirect from https to http is refused (pain 20)") {
  CertificateAuthority authority;
  ScriptedUpstream store;
  Scene scene({.upstream = "ca-file = {directory}/ca.pem\n",
               .server = {.certificate = authority.issue()},
               .files = {{"ca.pem", authority.certificate_pem()}}});
  auto blob = scene.put_blob(1000);
  store.registry().put_object(blob.path, blob.content);
  auto rule = scene.upstream.add_rule({.path = exactly(blob.path), .action = redirect(307, store.url("{target}"))});
  CHECK(scene.get(blob.path).status == 502);
  CHECK(scene.upstream.rule_fired(rule) >= 1);
  CHECK(store.journal().connections() == 0);
}

TEST_CASE("a redirect to a private address that the configuration does not name is refused") {
  // The blob waits on 127.0.0.2; only a configuration that names that address may be led there.
  for (bool named : {false, true}) {
    ScriptedUpstream store({.addresses = {"127.0.0.1", kElsewhere}});
    Scene scene({.sections = named ? "[upstream.store]\nurl = " + store.url_as(kElsewhere) + "\n" : ""});
    auto blob = scene.put_blob(1000);
    store.registry().put_object(blob.path, blob.content);
    scene.upstream.add_rule({.path = exactly(blob.path), .action = redirect(307, store.url_as(kElsewhere, "{target}"))});
    CHECK(scene.get(blob.path).status == (named ? 200 : 502));
    CHECK(store.journal().connections() == (named ? 1 : 0));
  }
}

TEST_CASE("no spelling of a private address slips past") {
  Scene scene({.sections = "[cache]\nnegative-ttl = 0\n", .server = {.addresses = {"127.0.0.1", kElsewhere}}, .host = kElsewhere});
  auto image = make_image({.layers = {"one"}});
  scene.upstream.registry().put_object("/object", Content(image.bytes()), image.media_type());
  auto path = manifest_path("app", image.digest());
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "0.0.0.0", "[::1]",
                           "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.1."}) {
    scene.upstream.clear_rules();
    scene.upstream.add_rule({.path = exactly(path), .action = redirect(307, scene.upstream.url_as(host, "/object"))});
    CHECK_MESSAGE(scene.get(path).status == 502, std::string(host));
  }
  CHECK(scene.upstream.journal().count("", "/object") == 0);
  scene.upstream.clear_rules();
  scene.upstream.add_rule({.path = exactly(path), .action = redirect(307, scene.upstream.url_as(kElsewhere, "/object"))});
  CHECK(scene.get(path).digest == image.digest());
}

TEST_CASE("a store that answers the redirected request with an error is told by its status") {
  Stored scene({.sections = "[cache]\nnegative-ttl = 0\n"});
  auto blob = scene.redirected(1000);
  for (auto [upstream, mine] : {std::pair{404, 404}, {403, 403}, {500, 502}}) {
    scene.store.clear_rules();
    scene.store.add_rule({.action = answer(upstream)});
    CHECK(scene.get(blob.path).status == mine);
  }
}

TEST_CASE("manifests may be redirected too") {
  Stored scene;
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "latest");
  scene.store.registry().put_object("/m", Content(image.bytes()), image.media_type());
  scene.upstream.add_rule({.path = "/manifests/", .action = redirect(307, scene.store.url("/m"))});
  CHECK(scene.get(manifest_path("app", "latest")).digest == image.digest());
  CHECK(scene.store.journal().with_header("Authorization").empty());
}

}  // namespace weir::testing
