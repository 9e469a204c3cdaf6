#include "oci/route.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// `KIND NAME REFERENCE`, or `STATUS CODE`.
std::string routed(std::string_view path) {
  const auto parsed = parse_route(path);
  if (const auto* wrong = std::get_if<RouteError>(&parsed))
    return std::to_string(wrong->status) + ' ' + std::string(error_code_name(wrong->code));
  const auto& route = std::get<Route>(parsed);
  std::string text(route.name());
  if (route.names_repository()) text += ' ' + route.path.text();
  return route.reference ? text + ' ' + route.reference->text() : text;
}

const std::string kSha256 = some_digest().text();

}  // namespace

TEST_CASE("every endpoint of the distribution is told from its URL") {
  CHECK(routed("/v2/") == "base");
  CHECK(routed("/v2") == "base");
  CHECK(routed("/v2/library/alpine/manifests/3.20") == "manifest library/alpine 3.20");
  CHECK(routed("/v2/a/manifests/" + kSha256) == "manifest a " + kSha256);
  CHECK(routed("/v2/a/blobs/" + kSha256) == "blob a " + kSha256);
  CHECK(routed("/v2/a/b/c/tags/list") == "tags a/b/c");
  CHECK(routed("/v2/a/referrers/" + kSha256) == "referrers a " + kSha256);
  CHECK(routed("/v2/a/blobs/uploads") == "uploads a");
  CHECK(routed("/v2/a/blobs/uploads/") == "uploads a");
  CHECK(routed("/v2/a/b/blobs/uploads/6b3c9a93-af5d") == "uploads a/b");
  CHECK(routed("/v2/localhost:5000/a/manifests/x") == "manifest localhost:5000/a x");
}

TEST_CASE("where tokens come from, and the keys they are signed with, are routes of their own") {
  CHECK(routed("/token") == "token");
  CHECK(routed("/.well-known/jwks.json") == "keys");
  CHECK(routed("/token/") == "404 UNSUPPORTED");
  CHECK(routed("/v2/token") == "404 UNSUPPORTED");
  CHECK(routed("/.well-known/openid-configuration") == "404 UNSUPPORTED");
}

TEST_CASE("a name may contain the words of the endpoints") {
  CHECK(routed("/v2/manifests/manifests/latest") == "manifest manifests latest");
  CHECK(routed("/v2/a/manifests/b/manifests/latest") == "manifest a/manifests/b latest");
  CHECK(routed("/v2/a/blobs/b/blobs/" + kSha256) == "blob a/blobs/b " + kSha256);
  CHECK(routed("/v2/a/tags/list/tags/list") == "tags a/tags/list");
  CHECK(routed("/v2/a/tags/list/manifests/x") == "manifest a/tags/list x");
  CHECK(routed("/v2/a/manifests/tags/list") == "tags a/manifests");
  CHECK(routed("/v2/a/referrers/manifests/x") == "manifest a/referrers x");
  CHECK(routed("/v2/blobs/uploads/blobs/uploads/") == "uploads blobs/uploads");
  CHECK(routed("/v2/v2/manifests/v2") == "manifest v2 v2");
}

TEST_CASE("a repository called blobs/uploads has manifests, blobs and tags like any other") {
  CHECK(routed("/v2/a/blobs/uploads/manifests/latest") == "manifest a/blobs/uploads latest");
  CHECK(routed("/v2/a/blobs/uploads/tags/list") == "tags a/blobs/uploads");
  CHECK(routed("/v2/a/blobs/uploads/blobs/" + kSha256) == "blob a/blobs/uploads " + kSha256);
}

TEST_CASE("percent-encoding is undone once before anything is read") {
  CHECK(routed("/v2/a/manifests/" + some_digest().text().replace(6, 1, "%3A")) == "manifest a " + kSha256);
  CHECK(routed("/v2/a/manifests/" + some_digest().text().replace(6, 1, "%3a")) == "manifest a " + kSha256);
  CHECK(routed("/v2/library%2Falpine/manifests/x") == "manifest library/alpine x");
  CHECK(routed("/%762/") == "base");
  CHECK(routed("/v2/a/manifests/%252e") == "400 TAG_INVALID");
  CHECK(routed("/v2/a/manifests/%2e%2e") == "400 TAG_INVALID");
  CHECK(routed("/v2/a%00b/manifests/x") == "400 NAME_INVALID");
  CHECK(routed("/v2/a/manifests/x%0d%0aEvil:%20y") == "400 DIGEST_INVALID");
  CHECK(routed("/v2/a/manifests/%") == "400 NAME_INVALID");
  CHECK(routed("/v2/a/manifests/%4") == "400 NAME_INVALID");
  CHECK(routed("/v2/a/manifests/%zz") == "400 NAME_INVALID");
}

TEST_CASE("what is no endpoint is not found") {
  for (const std::string none :
       {"", "/", "/v1/", "/v2x/", "/v2/_catalog", "/v2//", "/v2/a", "/v2/a/b", "/v2/a/b/c/d", "/v2/manifests/latest", "/V2/",
        "/v2/a/manifest/x", "/v2/a/tags/", "/v2/a/tags/all", "/v2/a/tags/list/", "/v2/tags/list", "/healthz", "/metrics"}) {
    CHECK_MESSAGE(routed(none).starts_with("404 "), none);
  }
}

TEST_CASE("a wrong name, tag or digest is the client's mistake, with the code that says which") {
  CHECK(routed("/v2/A/manifests/x") == "400 NAME_INVALID");
  CHECK(routed("/v2//manifests/x") == "400 NAME_INVALID");
  CHECK(routed("/v2/a/../b/manifests/x") == "400 NAME_INVALID");
  CHECK(routed("/v2/" + std::string(256, 'a') + "/manifests/x") == "400 NAME_INVALID");
  CHECK(routed("/v2/A/tags/list") == "400 NAME_INVALID");
  CHECK(routed("/v2/A/blobs/uploads/") == "400 NAME_INVALID");
  CHECK(routed("/v2/a/manifests/") == "400 TAG_INVALID");
  CHECK(routed("/v2/a/manifests/-x") == "400 TAG_INVALID");
  CHECK(routed("/v2/a/manifests/sha256:abc") == "400 DIGEST_INVALID");
  CHECK(routed("/v2/a/blobs/latest") == "400 DIGEST_INVALID");
  CHECK(routed("/v2/a/blobs/") == "400 DIGEST_INVALID");
  CHECK(routed("/v2/a/referrers/latest") == "400 DIGEST_INVALID");
}

TEST_CASE("what a wrong URL's answer repeats of it is bounded") {
  const auto parsed = parse_route("/" + std::string(100'000, 'x'));
  CHECK(std::get<RouteError>(parsed).detail.size() < 400);
}

TEST_CASE("a query's parameters are found by their whole name and decoded") {
  CHECK(query_parameter("ns=docker.io", "ns") == "docker.io");
  CHECK(query_parameter("a=1&ns=docker.io&n=5", "ns") == "docker.io");
  CHECK(query_parameter("ns=localhost%3A5000", "ns") == "localhost:5000");
  CHECK(query_parameter("ns=a&ns=b", "ns") == "a");
  CHECK(query_parameter("ns=a=b", "ns") == "a=b");
  CHECK(query_parameter("ns", "ns") == "");
  CHECK(query_parameter("ns=", "ns") == "");
  for (const std::string none : {"", "xns=a", "nsx=a", "NS=a", "a=ns", "ns=%", "ns=%zz", "&&", "n=1"})
    CHECK_MESSAGE(!query_parameter(none, "ns"), none);
}
