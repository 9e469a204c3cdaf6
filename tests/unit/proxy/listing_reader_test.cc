#include "proxy/listing_reader.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

#include <vector>

using namespace weir;
using namespace weir::testing;

namespace {

std::string tags(std::string_view body) {
  const auto list = read_tag_list(body, "app");
  return list ? *list : list.error().what;
}
std::string referrers(const std::string& body, std::string_view type = "") {
  const auto index = read_referrers(body, type);
  if (!index) CHECK(index.error().side == Side::upstream);
  return index ? *index : index.error().what;
}
std::string descriptor_of(std::string_view type, const std::string& more = "") {
  return R"({"digest":")" + some_digest().text() + R"(","size":5,"artifactType":")" + std::string(type) + '"' + more + "}";
}
std::string index_of(const std::string& descriptors) { return R"({"schemaVersion":2,"manifests":[)" + descriptors + "]}"; }

const std::string kEmpty = R"({"name":"app","tags":[]})"
                           "\n";
const std::string kWritten = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)";

}  // namespace

TEST_CASE("a tag list is written anew from the tags that are some, in their order") {
  CHECK(tags(R"({"name":"other","tags":["b","a","\u0063"]})") == "{\"name\":\"app\",\"tags\":[\"b\",\"a\",\"c\"]}\n");
  CHECK(tags(R"({"tags":["a",5,null,true,1.5,"","not a tag",["b"],{"tags":["c"]},"d"],"more":{"tags":["e"]}})") ==
        "{\"name\":\"app\",\"tags\":[\"a\",\"d\"]}\n");
  for (const auto* none : {"{}", R"({"tags":null})", R"({"tags":{"a":"b"}})", R"({"tags":"a"})", R"({"Tags":["a"]})"})
    CHECK(tags(none) == kEmpty);
  CHECK(tags(R"({"tags":["a"],"tags":["b"]})") == "{\"name\":\"app\",\"tags\":[\"b\"]}\n");
  CHECK(tags(R"({"tags":["a"],"tags":null})") == kEmpty);
}

TEST_CASE("what is no tag list, or has more values than are read, is the upstream's fault") {
  for (const auto* wrong : {"", "<html>", "[]", R"([{"tags":["a"]}])", R"({"tags":["a")", R"({"tags":["a"]}x)"})
    CHECK(tags(wrong) == "the upstream's tag list is not JSON");
  std::string many = R"({"tags":["a")";
  for (int i = 0; i < 600'000; ++i) many += R"(,"a")";
  CHECK(tags(many + "]}") == "the upstream's tag list: JSON with more than 524288 values");
}

TEST_CASE("referrers are passed on as they are, or one type of them alone") {
  const auto sbom = descriptor_of("sbom", R"(,"annotations":{"a":"\u00e9","b":[1,-2,2.5,true,null]})"),
             signature = descriptor_of("sig");
  const auto index = index_of(sbom + ", " + signature);
  CHECK(referrers(index) == index);
  CHECK(referrers(index, "sig") == kWritten + signature + "]}");
  CHECK(referrers(index, "sbom") ==
        kWritten + descriptor_of("sbom", ",\"annotations\":{\"a\":\"\u00e9\",\"b\":[1,-2,2.5,true,null]}") + "]}");
  CHECK(referrers(index, "none") == kWritten + "]}");
  CHECK(referrers(index_of(signature + "," + signature), "sig") == kWritten + signature + "," + signature + "]}");
  // The type of something within a descriptor is not the descriptor's.
  CHECK(referrers(index_of(descriptor_of("x", R"(,"platform":{"artifactType":"sig"})")), "sig") == kWritten + "]}");
}

TEST_CASE("referrers that are no index, or have a descriptor without a digest, are refused") {
  CHECK(referrers("not json") == "the upstream's referrers are not JSON");
  CHECK(referrers("[]") == "the upstream's referrers are not JSON");
  for (const auto* wrong : {"{}", R"({"manifests":{"a":1}})", R"({"manifests":null})", R"({"manifests":[],"manifests":5})"})
    CHECK(referrers(wrong) == "the upstream's referrers are not an index");
  for (const std::string& wrong : std::vector<std::string>{"5", "null", "\"x\"", "[]", "{}", R"({"digest":5})",
                                                           R"({"digest":"sha256:abc"})", R"({"x":{"digest":"sha256:abc"}})",
                                                           R"({"digest":")" + some_digest().text() + R"(","digest":{}})"}) {
    CHECK(referrers(index_of(wrong)) == "the upstream's referrers have a descriptor without a digest");
    CHECK(referrers(index_of(descriptor_of("a") + "," + wrong), "a") ==
          "the upstream's referrers have a descriptor without a digest");
  }
}
