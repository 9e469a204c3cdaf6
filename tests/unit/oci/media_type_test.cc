#include "oci/media_type.h"

#include <doctest/doctest.h>

using namespace weir;
using media_type::accepts;

namespace {
const std::string kOciManifest(media_type::kOciManifest), kDockerList(media_type::kDockerList);
}

TEST_CASE("parameters and case are no part of a media type") {
  CHECK(media_type::without_parameters("Application/JSON; charset=utf-8") == "application/json");
  CHECK(media_type::without_parameters(" a/b ;q=1") == "a/b");
  CHECK(media_type::without_parameters("") == "");
}

TEST_CASE("indexes are manifests, and manifests are not always indexes") {
  for (const auto type : {media_type::kOciIndex, media_type::kDockerList}) {
    CHECK(media_type::is_index(type));
    CHECK(media_type::is_manifest(type));
  }
  for (const auto type : {media_type::kOciManifest, media_type::kDockerManifest}) {
    CHECK_FALSE(media_type::is_index(type));
    CHECK(media_type::is_manifest(type));
  }
  CHECK_FALSE(media_type::is_manifest(media_type::kOctetStream));
  CHECK_FALSE(media_type::is_manifest(""));
}

TEST_CASE("what weir asks upstreams for admits every kind it can hold") {
  const auto accept = media_type::accept_all_manifests();
  for (const auto type : {media_type::kOciIndex, media_type::kDockerList, media_type::kOciManifest, media_type::kDockerManifest})
    CHECK_MESSAGE(accepts(accept, type), type);
  CHECK_FALSE(accepts(accept, "application/vnd.docker.distribution.manifest.v1+json"));
}

TEST_CASE("no Accept, or one of nothing, admits everything") {
  CHECK(accepts("", kOciManifest));
  CHECK(accepts(" , ,", kOciManifest));
}

TEST_CASE("a type is admitted by its name, its kind or a star") {
  CHECK(accepts(kOciManifest, kOciManifest));
  CHECK(accepts("APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON", kOciManifest));
  CHECK(accepts("text/html, " + kOciManifest + ";q=0.5", kOciManifest));
  CHECK(accepts("application/*", kOciManifest));
  CHECK(accepts("*/*", kOciManifest));
  CHECK(accepts(kDockerList + ", */*", kOciManifest));
  CHECK_FALSE(accepts(kDockerList, kOciManifest));
  CHECK_FALSE(accepts("text/*", kOciManifest));
  CHECK_FALSE(accepts("application", kOciManifest));
  CHECK_FALSE(accepts("app/*", kOciManifest));
  CHECK_FALSE(accepts(kOciManifest + "x", kOciManifest));
  CHECK_FALSE(accepts("application/vnd.oci.image.manifest.v1", kOciManifest));
}

TEST_CASE("a weight of zero refuses, any other admits") {
  for (const std::string zero : {";q=0", "; q=0.0", ";q=0.000", ";Q=0", ";v=1;q=0"})
    CHECK_MESSAGE(!accepts(kOciManifest + zero, kOciManifest), zero);
  for (const std::string more : {";q=1", ";q=0.001", "; q=0.5", ";q=1.000", ";v=0", ";quiet=0"})
    CHECK_MESSAGE(accepts(kOciManifest + more, kOciManifest), more);
  CHECK_FALSE(accepts("*/*;q=0", kOciManifest));
  CHECK(accepts(kOciManifest + ", */*;q=0", kOciManifest));
}

TEST_CASE("the most specific range decides (RFC 9110 12.5.1)") {
  CHECK_FALSE(accepts("*/*, " + kOciManifest + ";q=0", kOciManifest));
  CHECK_FALSE(accepts("application/*, " + kOciManifest + ";q=0", kOciManifest));
  CHECK_FALSE(accepts("*/*, application/*;q=0", kOciManifest));
  CHECK(accepts("application/*;q=0, " + kOciManifest, kOciManifest));
}
