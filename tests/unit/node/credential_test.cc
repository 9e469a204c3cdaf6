#include "node/credential.h"

#include "base/json.h"
#include "proxy/auth/jwt.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

constexpr WallSeconds kNoon = 1'000'000;

std::string account_token(WallSeconds life) {
  static const PrivateKey key = PrivateKey::generate();
  Claims claims;
  claims.sub = "system:serviceaccount:team:default", claims.exp = kNoon + life;
  return sign_jwt(claims, key, "k");
}

std::string request_for(const std::string& image, const std::string& more = "") {
  return R"({"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":")" + image + '"' +
         more + '}';
}

std::string failed_as(const Result<std::string>& answer) { return answer ? "ok" : failure_name(answer.error().failure); }

}  // namespace

TEST_CASE("a kubelet gets the token as a password for the registry it asks about, until a minute before the token ends") {
  const auto token = account_token(600);
  const auto answer = kubelet_credential(request_for("docker.io/library/alpine"), token, {}, kNoon);
  REQUIRE(answer.ok());
  const auto json = Json::parse(*answer);
  REQUIRE(json.ok());
  CHECK(json->string_at("kind") == "CredentialProviderResponse");
  CHECK(json->string_at("apiVersion") == "credentialprovider.kubelet.k8s.io/v1");
  CHECK(json->string_at("cacheKeyType") == "Registry");
  CHECK(json->string_at("cacheDuration") == "540s");
  const auto auth = json->at("auth");
  REQUIRE(auth);
  CHECK(auth->keys() == std::vector<std::string>{"docker.io"});
  CHECK(auth->at("docker.io")->string_at("username") == "token");
  CHECK(auth->at("docker.io")->string_at("password") == token);
}

TEST_CASE("a service account's own token is used where the kubelet brings it") {
  const auto token = account_token(90);
  const auto answer = kubelet_credential(request_for("weir.local:5000/a", ",\"serviceAccountToken\":\"" + token + '"'), "another",
                                         {}, kNoon);
  REQUIRE(answer.ok());
  const auto json = Json::parse(*answer);
  CHECK(json->at("auth")->at("weir.local:5000")->string_at("password") == token);
  CHECK(json->string_at("cacheDuration") == "30s");
}

TEST_CASE("registries and a user name may be given, and a token that does not say when it ends is not kept") {
  const auto answer = kubelet_credential(request_for("docker.io/a"), "opaque", {"node", {"docker.io", "*.docker.io"}}, kNoon);
  REQUIRE(answer.ok());
  const auto json = Json::parse(*answer);
  CHECK(json->at("auth")->keys().size() == 2);
  CHECK(json->at("auth")->at("*.docker.io")->string_at("username") == "node");
  CHECK(json->string_at("cacheDuration") == "0s");
  CHECK(Json::parse(*kubelet_credential(request_for("a"), account_token(30), {}, kNoon))->string_at("cacheDuration") == "0s");
}

TEST_CASE("what a kubelet would not say is refused, and so is a token that has ended") {
  for (const char* bad :
       {"", "{}", "[]", R"({"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1"})",
        R"({"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v2","image":"a"})",
        R"({"kind":"Pod","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"a"})"}) {
    CHECK_MESSAGE(failed_as(kubelet_credential(bad, "token", {}, kNoon)) == "invalid", bad);
  }
  CHECK(failed_as(kubelet_credential(request_for("a"), "", {}, kNoon)) == "invalid");
  CHECK(failed_as(kubelet_credential(request_for("a"), "two words", {}, kNoon)) == "invalid");
  CHECK(failed_as(kubelet_credential(request_for("a"), account_token(0), {}, kNoon)) == "timeout");
}

TEST_CASE("docker gets the token for the registries that are ours, however it writes them, and for no other") {
  const auto token = account_token(600);
  const CredentialOptions options{"token", {"weir.example.com:5443"}};
  for (const char* server : {"weir.example.com:5443", "https://weir.example.com:5443", "https://weir.example.com:5443/v2/"}) {
    const auto answer = docker_credential(server, token, options, kNoon);
    REQUIRE_MESSAGE(answer.ok(), server);
    const auto json = Json::parse(*answer);
    CHECK(json->string_at("ServerURL") == server);
    CHECK(json->string_at("Username") == "token");
    CHECK(json->string_at("Secret") == token);
  }
  for (const char* server : {"weir.example.com", "https://index.docker.io/v1/", "", "https://"}) {
    const auto answer = docker_credential(server, token, options, kNoon);
    CHECK(failed_as(answer) == "not_found");
    CHECK(answer.error().what == "credentials not found in native keychain");
  }
  CHECK(docker_credential("anywhere", token, {}, kNoon).ok());
  CHECK(failed_as(docker_credential("weir.example.com:5443", account_token(-1), options, kNoon)) == "timeout");
  CHECK(docker_credential_list(options) == R"({"weir.example.com:5443":"token"})");
}
