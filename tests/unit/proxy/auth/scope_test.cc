#include "proxy/auth/scope.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// The scopes as text, in brackets; the failure's name.
std::string parsed(std::string_view text) {
  const auto scopes = parse_scopes(text);
  if (!scopes) return failure_name(scopes.error().failure);
  std::string all;
  for (const auto& scope : *scopes) all += '[' + scope.text() + ']';
  return all;
}

}  // namespace

TEST_CASE("the scopes that clients ask for") {
  CHECK(parsed("") == "");
  CHECK(parsed("repository:library/alpine:pull") == "[repository:library/alpine:pull]");
  CHECK(parsed("repository:a:pull repository:b:pull,push") == "[repository:a:pull][repository:b:pull,push]");
  CHECK(parsed("registry:catalog:*") == "[registry:catalog:*]");
  CHECK(parsed("repository(plugin):a/b:pull") == "[repository(plugin):a/b:pull]");
  CHECK(parsed("repository:a:") == "[repository:a:]");
}

TEST_CASE("the parts of a scope come apart at the right colons") {
  const auto scopes = parse_scopes("repository(plugin):registry.local:5000/team/app:push,pull,push");
  REQUIRE(scopes.ok());
  REQUIRE(scopes->size() == 1);
  const auto& scope = scopes->front();
  CHECK(scope.type == "repository");
  CHECK(scope.type_class == "plugin");
  CHECK(scope.name == "registry.local:5000/team/app");
  CHECK(scope.actions == std::vector<std::string>{"push", "pull"});
}

TEST_CASE("odd colons and other nonsense are refused") {
  for (const char* bad : {"repository",
                          "repository:",
                          ":",
                          "::",
                          ":::",
                          "repository:a",
                          "repository::pull",
                          ":a:pull",
                          "repository:a:b:pull",
                          "repository:a:5000:pull",
                          "repository:host:port/a:pull",
                          "repository:host:0/a:pull",
                          "repository:host:/a:pull",
                          "repository:host:65536/a:pull",
                          "repository:a/b:5000/c:pull",
                          "repository:a::pull",
                          "repository:a:pull:",
                          "repository:A:pull",
                          "repository:../a:pull",
                          "repository:a/:pull",
                          "repository:/a:pull",
                          "repository:a:pull,",
                          "repository:a:,pull",
                          "repository:a:pull push",
                          "repository:a:PULL",
                          "repository:a:pull*",
                          " repository:a:pull",
                          "repository:a:pull ",
                          "repository:a:pull  repository:b:pull",
                          "Repository:a:pull",
                          "repository():a:pull",
                          "repository(:a:pull",
                          "repository):a:pull",
                          "repository(a)b:a:pull",
                          "repository(a)(b):a:pull",
                          "repository:a\t:pull",
                          "repository:a%2Fb:pull",
                          "repository:\xc3\xa4:pull"}) {
    CHECK_MESSAGE(parsed(bad) == "invalid", bad);
  }
}

TEST_CASE("scopes are not asked for without end") {
  std::string many = "repository:a:pull";
  for (int i = 1; i < 32; ++i) many += " repository:a:pull";
  CHECK(parse_scopes(many)->size() == 32);
  CHECK(parsed(many + " repository:a:pull") == "too_large");
  CHECK(parsed("repository:a:" + std::string(9000, 'p')) == "too_large");
  CHECK(parsed("repository:a:" + std::string(33, 'p')) == "invalid");
  CHECK(parsed(std::string(33, 'a') + ":a:pull") == "invalid");
  std::string actions = "repository:a:a";
  for (char c = 'b'; c <= 'q'; ++c) actions += std::string(",") + c;
  CHECK(parsed(actions) == "invalid");
}
