#include "proxy/upstream/challenge.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// `bearer REALM|SERVICE|SCOPE`, `basic REALM`, or `none`.
std::string parsed(std::string_view header) {
  const auto challenge = parse_challenge(header);
  if (!challenge) return "none";
  if (challenge->scheme == Challenge::Scheme::basic) return "basic " + challenge->realm;
  return "bearer " + challenge->realm + '|' + challenge->service + '|' + challenge->scope;
}

}  // namespace

TEST_CASE("the challenges of real registries") {
  CHECK(parsed(R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull")") ==
        "bearer https://auth.docker.io/token|registry.docker.io|repository:library/alpine:pull");
  CHECK(parsed(R"(Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push")") ==
        "bearer https://ghcr.io/token|ghcr.io|repository:a/b:pull,push");
  CHECK(parsed(R"(Basic realm="https://123.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com")") ==
        "basic https://123.dkr.ecr.eu-west-1.amazonaws.com/");
  CHECK(parsed(R"(Bearer realm="https://r/token",service="r",scope="repository:a:pull",error="insufficient_scope")") ==
        "bearer https://r/token|r|repository:a:pull");
}

TEST_CASE("names have no case, blanks stand where they may, and order does not matter") {
  CHECK(parsed(R"(bEARER  REALM = "r" ,  Service="s")") == "bearer r|s|");
  CHECK(parsed(R"(Bearer scope="x",realm="r")") == "bearer r||x");
  CHECK(parsed("Bearer realm=r,service=s") == "bearer r|s|");  // tokens need no quotes
  CHECK(parsed("Bearer\trealm=\"r\"") == "bearer r||");
  CHECK(parsed(",, Bearer realm=\"r\",,") == "bearer r||");
}

TEST_CASE("quoted text may hold commas, equals signs and escaped quotes") {
  CHECK(parsed(R"(Bearer realm="a,b=c",service="say \"hi\" \\ there")") == R"(bearer a,b=c|say "hi" \ there|)");
  CHECK(parsed(R"(Bearer realm="r",scope="repository:a:pull repository:b:pull")") ==
        "bearer r||repository:a:pull repository:b:pull");
}

TEST_CASE("of several challenges Bearer is taken, else Basic, each the first of its kind") {
  CHECK(parsed(R"(Basic realm="b", Bearer realm="r",service="s")") == "bearer r|s|");
  CHECK(parsed(R"(Bearer realm="r", Basic realm="b")") == "bearer r||");
  CHECK(parsed(R"(Bearer realm="one", Bearer realm="two",service="two")") == "bearer one||");
  CHECK(parsed(R"(Negotiate YWJjZA==, Basic realm="b")") == "basic b");
  CHECK(parsed("Negotiate, Bearer realm=\"r\"") == "bearer r||");
  CHECK(parsed(R"(Digest realm="d",service="d",nonce="x", Bearer realm="r")") == "bearer r||");
}

TEST_CASE("parameters of an unknown scheme are nobody's") {
  CHECK(parsed(R"(Digest realm="d")") == "none");
  CHECK(parsed(R"(Bearer realm="r", Digest service="d")") == "bearer r||");
  CHECK(parsed(R"(Digest realm="Bearer realm=evil")") == "none");
}

TEST_CASE("a Bearer without a realm is none") {
  CHECK(parsed("Bearer") == "none");
  CHECK(parsed(R"(Bearer service="s")") == "none");
  CHECK(parsed(R"(Bearer realm="")") == "none");
  CHECK(parsed(R"(Bearer service="s", Basic realm="b")") == "basic b");
}

TEST_CASE("nonsense is none, and ends") {
  for (const std::string bad : {"", " ", ",", "=", "\"", "Bearer realm=\"", "Bearer realm", "Bearer =x", "Bearer realm==", "((((",
                                "Bearer \"realm\"=\"r\"", "\\", "\x01\x02", "=====", "\"\"\"\"", "Bearer,realm"}) {
    CHECK_MESSAGE(parsed(bad).find("bearer r") == std::string::npos, bad);
  }
  CHECK(parsed("Bearer realm=\"unclosed") == "bearer unclosed||");
  CHECK(parsed("Bearer realm=\"ends with a backslash\\").starts_with("bearer ends"));
}
