// Manifests that a registry reads differently than weir would: they are served, and nothing is linked by them.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

const std::string kManifestType = "application/vnd.oci.image.manifest.v1+json",
                  kIndexType = "application/vnd.oci.image.index.v1+json";

std::string described(const std::string& digest, std::uint64_t size, const std::string& more = "") {
  return R"({"mediaType":"application/octet-stream","digest":")" + digest + R"(","size":)" + std::to_string(size) + more + "}";
}

// Somebody's private image is in the store; the attacker's repository has blobs of its own.
struct Attacked : Scene {
  explicit Attacked(const SceneOptions& options = {}) : Scene(options) {
    private_image.put(upstream.registry(), "private", "latest");
    for (const auto& path :
         {manifest_path("private", "latest"), blob_path("private", secret), manifest_path("private", private_image.digest())})
      REQUIRE(get(path).status == 200);
    upstream.registry().put_blob("attacker", Content(kOwn));
    upstream.registry().put_blob("attacker", Content("{}"));
  }

  // What the attacker pushed is pulled by tag and by digest, byte for byte.
  void pull(const std::string& tag, const std::string& bytes, const std::string& type) {
    CAPTURE(bytes);
    const auto pushed = upstream.registry().put_manifest("attacker", {type, bytes}, tag);
    for (const auto& path : {manifest_path("attacker", tag), manifest_path("attacker", pushed), manifest_path("attacker", pushed)}) {
      const auto response = get(path);
      CHECK(response.status == 200);
      CHECK(response.body == bytes);
      CHECK(response.headers.value("Content-Type") == type);
      CHECK(response.headers.value("Docker-Content-Digest") == pushed);
    }
  }

  // The upstream does not show it through the attacker's repository, and neither do we.
  void check_hidden(const std::string& path) {
    CAPTURE(path);
    CHECK(get(path).status == 404);
    CHECK(head(path).status == 404);
  }

  static constexpr auto kOwn = "the attacker's own";
  Image private_image = make_image({.layers = {Content("a secret")}});
  std::string secret = private_image.layer_digest(0);
  std::string own = digest_of(kOwn);
  std::string config = R"("config":)" + described(digest_of("{}"), 2);
  std::string victim_layer = described(secret, 8), own_layer = described(own, 18);
};

}  // namespace

TEST_CASE("a manifest whose layers, digest or manifests are there under two spellings links nothing") {
  Attacked scene;
  const auto image = [&](const std::string& members) { return R"({"schemaVersion":2,)" + scene.config + "," + members + "}"; };
  const auto child = described(scene.private_image.digest(), scene.private_image.size());
  scene.pull("layers", image(R"("layers":[)" + scene.victim_layer + R"(],"Layers":[)" + scene.own_layer + "]"), kManifestType);
  scene.pull("digest", image(R"("layers":[)" + described(scene.secret, 8, R"(,"Digest":")" + scene.own + '"') + "]"),
             kManifestType);
  scene.pull("long-s", image(R"("layers":[)" + described(scene.secret, 8, ",\"dige\u017Ft\":\"" + scene.own + '"') + "]"),
             kManifestType);
  scene.pull("escaped", image(R"("layers":[)" + described(scene.secret, 8, R"(,"\u0044igest":")" + scene.own + '"') + "]"),
             kManifestType);
  scene.pull("twice", image(R"("layers":[)" + scene.own_layer + R"(],"layers":[)" + scene.victim_layer + "]"), kManifestType);
  scene.pull("manifests", R"({"schemaVersion":2,"manifests":[)" + child + R"(],"Manifests":[]})", kIndexType);
  scene.check_hidden(blob_path("attacker", scene.secret));
  scene.check_hidden(manifest_path("attacker", scene.private_image.digest()));
  // What the repository has is still had through it.
  CHECK(scene.get(blob_path("attacker", scene.own)).body == Attacked::kOwn);
  CHECK(scene.get(blob_path("private", scene.secret)).headers.value("X-Cache") == "hit");
}

TEST_CASE("a manifest of more descriptors than are kept is served, and links nothing") {
  Attacked scene;
  std::string layers = scene.victim_layer;
  for (int i = 0; i < 4096; ++i) layers += ',' + scene.own_layer;
  scene.pull("many", R"({"schemaVersion":2,)" + scene.config + R"(,"layers":[)" + layers + "]}", kManifestType);
  scene.check_hidden(blob_path("attacker", scene.secret));
}

TEST_CASE("the platform and the size of a manifest that is read in two ways are unknown, and a rule on them refuses it") {
  for (const std::string rule :
       {"arch limit * pull ** platforms=linux/amd64\nall allow * * **\n", "small allow * pull ** size<=1GB\n",
        "windows deny * pull ** platform=windows/*\nall allow * * **\n"}) {
    CAPTURE(rule);
    Scene scene({.sections = "[policy]\nfile = {directory}/policy.rules\ndefault = deny\n", .files = {{"policy.rules", rule}}});
    auto& registry = scene.upstream.registry();
    const auto image = make_image({.layers = {Content("linux")}});
    image.put(registry, "app", "plain");
    auto bytes = image.bytes();
    bytes.insert(1, R"("Layers":[],)");
    const auto pushed = registry.put_manifest("app", {kManifestType, bytes}, "folded");
    const auto index = R"({"manifests":[)" +
                       described(image.digest(), image.size(),
                                 R"(,"platform":{"os":"linux","architecture":"amd64","Os":"windows"})") +
                       "]}";
    registry.put_manifest("app", {kIndexType, index}, "index");
    CHECK(scene.get(manifest_path("app", "plain")).status == 200);
    for (const auto& path : {manifest_path("app", "folded"), manifest_path("app", pushed), manifest_path("app", "index")}) {
      CHECK_MESSAGE(scene.get(path).status == 403, path);
    }
  }
}

TEST_CASE("a config that is read in two ways has no platform that a rule may rely on") {
  Scene scene({.sections = "[policy]\nfile = {directory}/policy.rules\n",
               .files = {{"policy.rules", "arch limit * pull ** platforms=linux/amd64\n"}}});
  auto& registry = scene.upstream.registry();
  make_image({.layers = {Content("x")}, .config = R"({"os":"linux","architecture":"amd64"})"}).put(registry, "app", "plain");
  make_image({.layers = {Content("x")}, .config = R"({"os":"linux","architecture":"amd64","OS":"windows"})"})
      .put(registry, "app", "folded");
  CHECK(scene.get(manifest_path("app", "plain")).status == 200);
  CHECK(scene.get(manifest_path("app", "folded")).status == 403);
}

}  // namespace weir::testing
