// Tag lists and referrers, which are the upstream's.
#include "tests/scenario/scene.h"

namespace weir::testing {

TEST_CASE("a repository's tags are the upstream's, in its pages, under the name the client asked for") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  for (const char* tag : {"a", "b", "c", "d", "e"}) image.put(scene.upstream.registry(), "team/app", tag);
  auto all = scene.get("/v2/up/team/app/tags/list");
  CHECK(all.status == 200);
  CHECK(all.body == "{\"name\":\"up/team/app\",\"tags\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}\n");
  CHECK(all.headers.value("X-Cache") == "miss");
  CHECK(!all.headers.has("Link"));
  auto page = scene.get("/v2/team/app/tags/list?n=2&last=a");
  CHECK(page.body == "{\"name\":\"team/app\",\"tags\":[\"b\",\"c\"]}\n");
  auto link = page.headers.value("Link");
  REQUIRE(link.starts_with("</v2/team/app/tags/list?"));
  CHECK(link.ends_with(">; rel=\"next\""));
  auto next = scene.get(link.substr(1, link.find('>') - 1));
  CHECK(next.body == "{\"name\":\"team/app\",\"tags\":[\"d\",\"e\"]}\n");
  CHECK_SOON(scene.outcomes("tags"), "miss 3");
}

TEST_CASE("a tag list is asked for once in its tag-ttl, and each time when that is 0 (pain 7)") {
  for (const char* ttl : {"1h", "0"}) {
    Scene scene({.sections = "[cache]\ntag-ttl = " + std::string(ttl) + "\n"});
    make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
    for (int turn = 0; turn < 3; ++turn) CHECK(scene.get("/v2/app/tags/list").status == 200);
    CHECK(scene.upstream.journal().count("GET", "/tags/list") == (std::string(ttl) == "0" ? 3 : 1));
  }
}

TEST_CASE("referrers come from the upstream's endpoint, filtered by type whether it filters or not") {
  for (bool filters : {true, false}) {
    Scene scene;
    auto image = make_image({.layers = {"one"}});
    auto signature = make_artifact({.artifact_type = "application/vnd.sig", .subject = image.descriptor()});
    auto bill = make_artifact({.artifact_type = "application/vnd.sbom", .blobs = {"b"}, .subject = image.descriptor()});
    for (const auto* each : {&image, &signature, &bill}) each->put(scene.upstream.registry(), "app");
    auto path = "/v2/app/referrers/" + image.digest();
    auto all = scene.get(path);
    CHECK(all.status == 200);
    CHECK(all.headers.value("Content-Type") == "application/vnd.oci.image.index.v1+json");
    CHECK(all.body.find(signature.digest()) != std::string::npos);
    CHECK(all.body.find(bill.digest()) != std::string::npos);
    if (!filters) scene.upstream.add_rule({.path = "artifactType", .action = answer(200, all.body)});
    auto some = scene.get(path + "?artifactType=application/vnd.sig");
    CHECK(some.headers.value("OCI-Filters-Applied") == "artifactType");
    CHECK(some.body.find(signature.digest()) != std::string::npos);
    CHECK(some.body.find(bill.digest()) == std::string::npos);
    // What they name is pulled through the same repository.
    CHECK(scene.get(manifest_path("app", signature.digest())).body == signature.bytes());
  }
}

TEST_CASE("an upstream without that endpoint is asked for the referrers' tag, and without that there are none") {
  Scene scene({.sections = "[cache]\ntag-ttl = 0\n"});
  scene.upstream.registry().set_referrers_api(false);
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app");
  auto path = "/v2/app/referrers/" + image.digest();
  auto none = scene.get(path);
  CHECK(none.status == 200);
  CHECK(none.body.find("\"manifests\":[]") != std::string::npos);
  auto signature = make_artifact({.artifact_type = "application/vnd.sig", .subject = image.descriptor()});
  make_index({.children = {signature}}).put(scene.upstream.registry(), "app", "sha256-" + image.digest().substr(7));
  auto found = scene.get(path);
  CHECK(found.status == 200);
  CHECK(found.body.find(signature.digest()) != std::string::npos);
  CHECK(scene.get("/v2/app/referrers/sha256:abc").status == 400);
}

TEST_CASE("a tag list that cannot be had is an error in the specification's JSON") {
  Scene scene;
  auto unknown = scene.get("/v2/nothing/tags/list");
  CHECK(unknown.status == 404);
  CHECK(error_code(unknown) == "NAME_UNKNOWN");
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  scene.upstream.add_rule({.path = "/tags/list", .action = answer(200, "<html>", {{"Content-Type", "text/html"}})});
  CHECK(scene.get("/v2/app/tags/list").status == 502);
  scene.upstream.clear_rules();
  scene.upstream.stop();
  CHECK(scene.get("/v2/app/tags/list").status == 502);
}

TEST_CASE("a referrers endpoint that answers nonsense is 502, and nothing of it is kept") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app");
  auto path = "/v2/app/referrers/" + image.digest();
  const Headers index{{"Content-Type", "application/vnd.oci.image.index.v1+json"}}, page{{"Content-Type", "text/html"}};
  const std::vector<Action> nonsense{answer(200, "<html>log in</html>", page),
                                     answer(200, "not json", index),
                                     answer(200, "[]", index),
                                     answer(200, "{}", index),
                                     answer(200, "{\"schemaVersion\":2,\"manifests\":{\"a\":1}}", index),
                                     answer(200, "{\"schemaVersion\":2,\"manifests\":[5]}", index),
                                     answer(200, std::string(9 << 20, ' '), index),
                                     answer(200, "{\"schemaVersion\":2,\"manifests\":[{", index)};
  for (std::size_t i = 0; i < nonsense.size(); ++i) {
    CAPTURE(i);
    scene.upstream.add_rule({.path = "/referrers/", .action = nonsense[i]});
    auto response = scene.get(path);
    CHECK(response.status == 502);
    CHECK(error_code(response) != "");
    scene.upstream.clear_rules();
  }
  CHECK(scene.get(path).status == 200);
}

}  // namespace weir::testing
