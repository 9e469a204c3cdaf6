#include "node/credential.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/text.h"
#include "proxy/auth/jwt.h"

namespace weir {
namespace {

constexpr char kApi[] = "credentialprovider.kubelet.k8s.io/v1";
constexpr std::int64_t kMargin = 60;  // seconds; what was answered should outlive the pull's first requests

Error no_credential(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

// How long the token is good, in seconds; 0 where it does not say.
Result<std::int64_t> life_of(std::string_view token, WallSeconds now) {
  if (token.empty()) return no_credential("there is no token");
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= 0x20 || c >= 0x7f; }))
    return no_credential("this is no token");
  const auto jwt = parse_jwt(token);
  if (!jwt || !jwt->claims.exp) return 0;
  if (*jwt->claims.exp <= now) return Error{Failure::timeout, Side::local, false, "the token has ended; nobody has renewed it"};
  return *jwt->claims.exp - now;
}

// `https://registry.example.com/v1/` and `registry.example.com` are one registry.
std::string_view host_of(std::string_view server) {
  const auto scheme = server.find("://");
  if (scheme != std::string_view::npos) server.remove_prefix(scheme + 3);
  return server.substr(0, server.find('/'));
}

}  // namespace

Result<std::string> kubelet_credential(std::string_view text, std::string_view token, const CredentialOptions& options,
                                       WallSeconds now) {
  const auto request = Json::parse(text, 16);
  const auto image = request ? request->string_at("image") : std::nullopt;
  if (!image || image->empty() || request->string_at("kind") != "CredentialProviderRequest")
    return no_credential("standard input is no CredentialProviderRequest");
  if (request->string_at("apiVersion") != kApi)
    return no_credential(std::string("the kubelet speaks another version than ") + kApi);
  const auto of_account = request->string_at("serviceAccountToken").value_or("");
  if (!of_account.empty()) token = of_account;
  const auto life = life_of(token, now);
  if (!life) return life.error();

  auto registries = options.registries;
  if (registries.empty()) registries.emplace_back(std::string_view(*image).substr(0, image->find('/')));
  JsonWriter json;
  json.object().member("kind", "CredentialProviderResponse").member("apiVersion", kApi).member("cacheKeyType", "Registry");
  json.member("cacheDuration", std::to_string(std::max<std::int64_t>(0, *life - kMargin)) + 's');
  json.key("auth").object();
  for (const auto& registry : registries)
    json.key(registry).object().member("username", options.username).member("password", token).end();
  return json.end().end().take();
}

Result<std::string> docker_credential(std::string_view server, std::string_view token, const CredentialOptions& options,
                                      WallSeconds now) {
  const auto& ours = options.registries;
  const auto is_it = [&](const std::string& registry) { return host_of(registry) == host_of(server); };
  if (host_of(server).empty() || (!ours.empty() && std::none_of(ours.begin(), ours.end(), is_it)))
    return Error{Failure::not_found, Side::local, false, "credentials not found in native keychain"};
  const auto life = life_of(token, now);
  if (!life) return life.error();
  JsonWriter json;
  json.object().member("ServerURL", server).member("Username", options.username).member("Secret", token);
  return json.end().take();
}

std::string docker_credential_list(const CredentialOptions& options) {
  JsonWriter json;
  json.object();
  for (const auto& registry : options.registries) json.member(registry, options.username);
  return json.end().take();
}

}  // namespace weir
