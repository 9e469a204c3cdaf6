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
