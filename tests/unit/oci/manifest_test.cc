#include "oci/manifest.h"

#include "oci/media_type.h"
#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using std::string;

namespace {

const string kOci(media_type::kOciManifest), kIndex(media_type::kOciIndex);
const string kDocker(media_type::kDockerManifest), kList(media_type::kDockerList);

string descriptor(unsigned number, std::string_view size = "10", std::string_view type = "application/x") {
  return R"({"mediaType":")" + string(type) + R"(","digest":")" + some_digest(number).text() + R"(","size":)" + string(size) + "}";
}
string image(std::string_view type, const string& config, const string& layers, const string& more = "") {
  return R"({"schemaVersion":2,"mediaType":")" + string(type) + R"(","config":)" + config + R"(,"layers":[)" + layers + "]" +
         more + "}";
}
string index(std::string_view type, const string& manifests, const string& more = "") {
  return R"({"schemaVersion":2,"mediaType":")" + string(type) + R"(","manifests":[)" + manifests + "]" + more + "}";
}
string refused(const string& bytes, std::string_view content_type = "") {
  const auto manifest = Manifest::parse(bytes, content_type);
  if (manifest) return "taken";
  CHECK(manifest.error().side == Side::upstream);
  return failure_name(manifest.error().failure);
}

}  // namespace

TEST_CASE("an image of either kind refers to its config and its layers, in this order") {
  for (const auto& type : {kOci, kDocker}) {
    const auto manifest = Manifest::parse(image(type, descriptor(1, "5"), descriptor(2, "20") + "," + descriptor(3, "0")), type);
    REQUIRE(manifest.ok());
    CHECK(manifest->media_type == type);
    REQUIRE(manifest->blobs.size() == 3);
    CHECK(manifest->blobs[0].digest == some_digest(1));
    CHECK(manifest->blobs[0].size == 5);
    CHECK(manifest->blobs[1].digest == some_digest(2));
    CHECK(manifest->blobs[1].media_type == "application/x");
    CHECK(manifest->blobs[2].size == 0);
    CHECK(manifest->manifests.empty());
    CHECK_FALSE(manifest->subject);
  }
}

TEST_CASE("a layer that lies elsewhere is told by its type, or by its urls") {
  const auto elsewhere = [](const string& layer) {
    const auto manifest = Manifest::parse(image(kOci, descriptor(1), layer), kOci);
    REQUIRE(manifest.ok());
    CHECK_FALSE(manifest->blobs[0].elsewhere);
    return manifest->blobs[1].elsewhere;
  };
  CHECK_FALSE(elsewhere(descriptor(2, "1", "application/vnd.oci.image.layer.v1.tar+gzip")));
  CHECK(elsewhere(descriptor(2, "1", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")));
  CHECK(elsewhere(descriptor(2, "1", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")));
  auto with_urls = descriptor(2);
  with_urls.insert(with_urls.size() - 1, R"(,"urls":["https://elsewhere.example/layer"])");
  CHECK(elsewhere(with_urls));
}

TEST_CASE("an index of either kind refers to its manifests, and none is an index too") {
  for (const auto& type : {kIndex, kList}) {
    const auto parsed = Manifest::parse(index(type, descriptor(1, "500", kOci) + "," + descriptor(2, "600", kOci)), type);
    REQUIRE(parsed.ok());
    REQUIRE(parsed->manifests.size() == 2);
    CHECK(parsed->manifests[1].digest == some_digest(2));
    CHECK(parsed->manifests[0].media_type == kOci);
    CHECK(parsed->blobs.empty());
    CHECK(Manifest::parse(index(type, ""), type).ok());
  }
}

TEST_CASE("an artifact has a type, a subject and maybe no layers") {
  const auto manifest = Manifest::parse(
      image(kOci, descriptor(1), "", R"(,"artifactType":"application/sbom","subject":)" + descriptor(9, "700", kOci)), kOci);
  REQUIRE(manifest.ok());
  CHECK(manifest->artifact_type == "application/sbom");
  REQUIRE(manifest->subject);
  CHECK(manifest->subject->digest == some_digest(9));
  CHECK(manifest->subject->size == 700);
  CHECK(Manifest::parse(R"({"config":)" + descriptor(1) + "}", kOci).ok());  // layers left out
  CHECK(Manifest::parse(image(kOci, descriptor(1), "", R"(,"subject":null)"), kOci).ok());
  CHECK(Manifest::parse(index(kIndex, "", R"(,"subject":)" + descriptor(9)), kIndex)->subject.has_value());
}

TEST_CASE("the sender's Content-Type decides, without its parameters, and the document may not gainsay it") {
  const auto without = R"({"config":)" + descriptor(1) + R"(,"layers":[]})";
  CHECK(Manifest::parse(without, kOci)->media_type == kOci);
  CHECK(Manifest::parse(without, kDocker + "; charset=utf-8")->media_type == kDocker);
  CHECK(Manifest::parse(without, "APPLICATION/vnd.oci.image.manifest.v1+json")->media_type == kOci);
  CHECK(refused(image(kOci, descriptor(1), ""), kDocker) == "invalid");
  CHECK(refused(image(kOci, descriptor(1), ""), kIndex) == "invalid");
  CHECK(refused(index(kIndex, ""), kOci) == "invalid");
}

TEST_CASE("without a Content-Type the document's own mediaType decides, and none of both is refused") {
  CHECK(Manifest::parse(image(kDocker, descriptor(1), ""), "")->media_type == kDocker);
  CHECK(Manifest::parse(index(kList, ""), "")->media_type == kList);
  CHECK(refused(R"({"config":)" + descriptor(1) + R"(,"layers":[]})") == "invalid");
}

TEST_CASE("other media types are refused, Docker's schema 1 and error pages among them") {
  for (const std::string type :
       {"application/json", "text/html", "application/octet-stream", "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws", "application/vnd.oci.artifact.manifest.v1+json", "x"}) {
    CHECK_MESSAGE(refused(R"({"config":)" + descriptor(1) + R"(,"layers":[]})", type) == "invalid", type);
    CHECK_MESSAGE(refused(image(type, descriptor(1), "")) == "invalid", type);
  }
}

TEST_CASE("what is no JSON object is refused") {
  for (const std::string bad : {"", "x", "[]", "\"x\"", "null", "5", "{", "{}}", "<html></html>"})
    CHECK_MESSAGE(refused(bad, kOci) == "invalid", bad);
  CHECK(refused(string(100, '[') + string(100, ']'), kOci) == "invalid");
  CHECK(refused(image(kOci, descriptor(1), "", R"(,"deep":)" + string(64, '[') + string(64, ']')), kOci) == "invalid");
}

TEST_CASE("an image without a config and an index without manifests are refused") {
  CHECK(refused(R"({"layers":[]})", kOci) == "invalid");
  CHECK(refused(R"({"layers":[]})", kIndex) == "invalid");
  CHECK(refused(R"({"config":"x","layers":[]})", kOci) == "invalid");
  CHECK(refused(R"({"config":)" + descriptor(1) + R"(,"layers":{}})", kOci) == "invalid");
  CHECK(refused(R"({"manifests":{}})", kIndex) == "invalid");
  CHECK(refused(R"({"manifests":["x"]})", kIndex) == "invalid");
}

TEST_CASE("a bad descriptor anywhere spoils the whole") {
  const auto digest = some_digest().text();
  const string bad[] = {"{}",
                        "null",
                        "5",
                        R"({"digest":")" + digest + R"("})",
                        R"({"size":5})",
                        R"({"digest":5,"size":5})",
                        R"({"digest":"sha256:abc","size":5})",
                        R"({"digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":5})",
                        R"({"digest":")" + digest + R"(","size":-1})",
                        R"({"digest":")" + digest + R"(","size":1.5})",
                        R"({"digest":")" + digest + R"(","size":"5"})",
                        R"({"digest":")" + digest + R"(","size":9223372036854775808})"};
  for (const auto& wrong : bad) {
    CHECK_MESSAGE(refused(image(kOci, wrong, ""), kOci) == "invalid", wrong);
    CHECK_MESSAGE(refused(image(kOci, descriptor(1), descriptor(2) + "," + wrong), kOci) == "invalid", wrong);
    CHECK_MESSAGE(refused(index(kIndex, descriptor(1) + "," + wrong), kIndex) == "invalid", wrong);
  }
  CHECK(refused(image(kOci, descriptor(1), "", R"(,"subject":{"size":5})"), kOci) == "invalid");
}

TEST_CASE("the largest size there is is a size") {
  CHECK(Manifest::parse(image(kOci, descriptor(1, "9223372036854775807"), ""), kOci)->blobs[0].size == INT64_MAX);
}

TEST_CASE("4 MiB are a manifest, one byte more is too large") {
  auto bytes = image(kOci, descriptor(1), "");
  bytes.resize(Manifest::kMostBytes, ' ');
  CHECK(refused(bytes, kOci) == "taken");
  CHECK(refused(bytes + ' ', kOci) == "too_large");
}

namespace {

// Descriptors of the victim's blob and of the attacker's own.
const string kVictim = descriptor(1), kOwn = descriptor(2), kConfig = descriptor(3);
const string kVictimDigest = some_digest(1).text(), kOwnDigest = some_digest(2).text();

string layers_of(const string& members) { return R"({"schemaVersion":2,"config":)" + kConfig + "," + members + "}"; }
string in_layer(const string& members) { return layers_of(R"("layers":[{"size":10,)" + members + "}]"); }
string in_child(const string& members) {
  return R"({"manifests":[{"size":10,"digest":")" + kVictimDigest + R"(",)" + members + "}]}";
}
string in_platform(const string& members) { return in_child(R"("platform":{)" + members + "}"); }
string quoted(std::string_view name, const string& value) { return '"' + string(name) + R"(":)" + value; }

void check_linkable(const string& bytes, std::string_view type, bool expected) {
  CAPTURE(bytes.substr(0, 1000));
  const auto manifest = Manifest::parse(bytes, type);
  REQUIRE(manifest.ok());
  CHECK(manifest->media_type == type);
  CHECK(manifest->linkable == expected);
  CHECK((manifest->blobs.empty() && manifest->manifests.empty()) == !expected);
  if (expected) return;
  CHECK_FALSE(manifest->subject);
  CHECK(manifest->layer_bytes() == 0);
}

}  // namespace

TEST_CASE("a manifest that another parser reads differently is served, and says nothing that anybody could link") {
  const string own = "[" + kOwn + "]", victim = "[" + kVictim + "]";
  const string digest = quoted("digest", '"' + kVictimDigest + '"'), own_digest = '"' + kOwnDigest + '"';
  const string ambiguous[] = {
      layers_of(quoted("layers", victim) + "," + quoted("Layers", own)),
      layers_of(quoted("layers", victim) + "," + quoted("LAYERS", own)),
      layers_of(quoted("layers", victim) + "," + quoted("layer\u017F", own)),
      layers_of(quoted("layers", victim) + "," + quoted("layer\\u017f", own)),
      layers_of(quoted("layers", victim) + "," + quoted("\\u004cayers", own)),
      layers_of(quoted("Layers", own) + "," + quoted("layers", victim)),
      layers_of(quoted("Layers", own)),  // spelled wrong once: we would read none, they read one
      layers_of(quoted("layers", victim) + "," + quoted("layers", own)),
      layers_of(quoted("layers", victim) + "," + quoted("\\u006cayers", own)),
      layers_of(quoted("layers", victim) + "," + quoted("Config", kOwn)),
      layers_of(quoted("layers", victim) + "," + quoted("Annotations", "{}")),
      layers_of(quoted("layers", victim) + "," + quoted("x", "1") + "," + quoted("x", "2")),
      layers_of(quoted("layers", victim) + "," + quoted("MediaType", "5")),
      layers_of(quoted("layers", victim) + "," + quoted("Manifests", "[]")),
      in_layer(digest + "," + quoted("Digest", own_digest)),
      in_layer(digest + "," + quoted("dige\u017Ft", own_digest)),
      in_layer(digest + "," + quoted("dige\\u017Ft", own_digest)),
      in_layer(digest + "," + quoted("digest", own_digest)),
      in_layer(digest + "," + quoted("Size", "1")),
      in_layer(digest + "," + quoted("url\u017F", "[]")),
      in_layer(digest + "," + quoted("y", "1") + "," + quoted("y", "1")),
      R"({"config":{"size":1,)" + digest + "," + quoted("DIGEST", own_digest) + "}}",
      layers_of(quoted("layers", victim) + "," +
                quoted("subject", "{\"size\":1," + digest + "," + quoted("Digest", own_digest) + "}")),
  };
  for (const auto& bytes : ambiguous) check_linkable(bytes, kOci, false);
  const string ambiguous_indexes[] = {
      R"({"manifests":[)" + kVictim + R"(],"Manifests":[)" + kOwn + "]}",
      R"({"manifests":[)" + kVictim + R"(],"manifest\u017f":[)" + kOwn + "]}",
      R"({"manifests":[)" + kVictim + R"(],"manifests":[)" + kOwn + "]}",
      in_child(quoted("Platform", "{}")),
      in_child(quoted("platform", "{}") + "," + quoted("platform", "{}")),
      in_platform(R"("os":"linux","architecture":"amd64","OS":"windows")"),
      in_platform(R"("os":"linux","architecture":"amd64","o\u017F":"windows")"),
      in_platform(R"("os":"linux","os":"windows")"),
      in_platform(R"("os":"linux","Architecture":"amd64")"),
      in_platform(R"("os":"linux","architecture":"amd64","var\u0131ant":"v8")"),
      in_platform(R"("os":"linux","architecture":"amd64","OS.features":[])"),
      in_platform(R"("os":"linux","architecture":"amd64","variant":")" + string(100, 'v') + '"'),
  };
  for (const auto& bytes : ambiguous_indexes) check_linkable(bytes, kIndex, false);
}

TEST_CASE("names that no other parser takes for a known one, and everything in annotations, leave a manifest as it is") {
  const string plain = quoted("layers", "[" + kOwn + "]");
  const string fine[] = {
      layers_of(plain),
      layers_of(quoted("\\u006cayers", "[" + kOwn + "]")),  // decoded, it is spelled exactly
      layers_of(plain + R"(,"annotations":{"Layers":"x","layers":"y","layers":"z","Digest":"d"})"),
      layers_of(plain + R"(,"other":{"Digest":"x","a":1,"a":2,"layers":[{"Digest":1}]})"),
      layers_of(plain + R"(,"layer":1,"layersx":1,"l\u00e4yers":1,"":1,"x":1,"X":1)"),
      layers_of(plain + R"(,"Digest":1,"Platform":1)"),  // known in descriptors, not here
      in_layer(R"("digest":")" + kOwnDigest + R"(","annotations":{"Digest":"x","digest":"y","digest":"z"},"layers":1,"Config":1)"),
      in_layer(R"("data":"e30=","artifactType":"x","digest":")" + kOwnDigest + '"'),
  };
  for (const auto& bytes : fine) check_linkable(bytes, kOci, true);
  const auto index = in_platform(
      R"("os":"linux","architecture":"arm64","variant":"v8","os.version":"1","os.features":["Os"],"Digest":1)");
  check_linkable(index, kIndex, true);
  CHECK(Manifest::parse(index, kIndex)->manifests[0].platform == "linux/arm64/v8");
}

TEST_CASE("an object with more unknown members than are compared is ambiguous") {
  const auto with = [](unsigned count) {
    string members = quoted("layers", "[]");
    for (unsigned i = 0; i < count; ++i) members += ',' + quoted("member" + std::to_string(i), "0");
    return layers_of(members);
  };
  check_linkable(with(64), kOci, true);
  check_linkable(with(65), kOci, false);
}

TEST_CASE("4,096 descriptors are kept of a manifest, and of one with more none") {
  const auto with = [](std::size_t count, const string& last) {
    string list;
    for (std::size_t i = 0; i + 1 < count; ++i) list += kOwn + ',';
    return list + last;
  };
  check_linkable(image(kOci, kConfig, with(4095, kOwn)), kOci, true);
  check_linkable(image(kOci, kConfig, with(4096, kOwn)), kOci, false);
  check_linkable(index(kIndex, with(4096, kOwn)), kIndex, true);
  check_linkable(index(kIndex, with(4097, kOwn)), kIndex, false);
  CHECK(refused(index(kIndex, with(5000, "{}")), kIndex) == "invalid");  // a bad one spoils the whole, wherever it stands
}

TEST_CASE("a manifest of very many values, of one very long string, or nested without end is refused") {
  const auto with = [](const string& value) { return image(kOci, kConfig, "", ",\"x\":" + value); };
  string many(1'000'000, '0');
  for (std::size_t i = 1; i < many.size(); i += 2) many[i] = ',';
  CHECK(refused(with("[" + many + "0]"), kOci) == "invalid");
  CHECK(Manifest::parse(with("[" + many + "0]"), kOci).error().what == "manifest: JSON with more than 262144 values");
  CHECK(refused(with('"' + string(1 << 20, 'x') + '"'), kOci) == "taken");
  CHECK(refused(with('"' + string((1 << 20) + 1, 'x') + '"'), kOci) == "invalid");
  CHECK(refused(with(string(1'000'000, '[')), kOci) == "invalid");
}

TEST_CASE("members of the wrong kind do not count where nothing depends on them") {
  CHECK(refused(image(kOci, kConfig, "", R"(,"subject":[1])"), kOci) == "taken");
  CHECK_FALSE(Manifest::parse(image(kOci, kConfig, "", R"(,"subject":"x")"), kOci)->subject);
  CHECK(refused(image(kOci, kConfig, "", R"(,"manifests":{"digest":1})"), kOci) == "taken");
  CHECK(refused(in_layer(R"("digest":")" + kOwnDigest + R"(","platform":["os"],"mediaType":{"a":[]})"), kOci) == "taken");
  CHECK(refused(R"({"config":[],"layers":[]})", kOci) == "invalid");
  CHECK(refused(layers_of(R"("layers":[[]])"), kOci) == "invalid");
}

TEST_CASE("a config names its platform, none, or one that cannot be told") {
  const auto platform = [](const string& bytes) { return platform_of_config(bytes).value_or("?"); };
  CHECK(platform(R"({"os":"linux","architecture":"arm64","variant":"v8","config":{"os":"x","Os":"y"}})") == "linux/arm64/v8");
  CHECK(platform(R"({"architecture":"amd64","os":"linux","rootfs":{},"rootfs":{}})") == "linux/amd64");
  for (const string none : {"", "[]", "text", "\xff", "{}", R"({"os":"linux"})", R"({"os":"unknown","architecture":"unknown"})"})
    CHECK_MESSAGE(platform(none) == "", none);
  // Go takes text that is not UTF-8, matches members without regard to case, and takes the last of two.
  for (const string unknown :
       {"{\"os\":\"linux\",\"architecture\":\"amd64\",\"author\":\"\xff\"}",
        R"({"os":"linux","architecture":"amd64","OS":"windows"})", R"({"os":"linux","architecture":"amd64","o\u017F":"windows"})",
        R"({"os":"linux","architecture":"amd64","os":"windows"})", R"({"Os":"linux","architecture":"amd64"})", R"( {"os":"linux")"})
    CHECK_MESSAGE(platform(unknown) == "?", unknown);
}
