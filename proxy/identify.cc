#include "proxy/identify.h"

#include <algorithm>

#include "conf/address.h"
#include "proxy/auth/authorization.h"
#include "proxy/call.h"

namespace weir {
namespace {

// RFC 9110 5.6.4.
std::string quoted_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Where clients get their tokens, as this one reaches it. A Host that is none is not repeated.
std::string token_realm(const AuthSettings& auth, const Exchange& exchange) {
  if (!auth.options.realm.empty()) return auth.options.realm;
  if (!auth.public_url.empty()) return auth.public_url + "/token";
  const auto host = exchange.host();
  if (!valid_host_and_port(host)) return "/token";
  return std::string(exchange.scheme()) + "://" + std::string(host) + "/token";
}

// What to ask a token for, in words that mean the same repository without this request's Host and `?ns=`.
std::string pull_scope(const Call& call) {
  const auto& path = call.route.path;
  const auto alone = call.settings->router->resolve(path, std::nullopt, "");
  const bool same = alone && alone->repository == call.target->repository;
  return "repository:" + (same ? path.text() : call.target->repository.text()) + ":pull";
}

}  // namespace

std::string bearer_challenge(const AuthSettings& auth, const Exchange& exchange, std::string_view scope, std::string_view error) {
  std::string text = "Bearer realm=" + quoted_string(token_realm(auth, exchange)) +
                     ",service=" + quoted_string(auth.options.service);
  if (!scope.empty()) text += ",scope=" + quoted_string(scope);
  if (!error.empty()) text += ",error=" + quoted_string(error);
  return text;
}

std::optional<Identity> certified(const AuthSettings& auth, const Exchange& exchange) {
  if (!auth.options.trust_client_certificates) return std::nullopt;
  auto name = exchange.client_certificate_name(*auth.options.trust_client_certificates);
  if (!name || !valid_identity(*name)) return std::nullopt;
  return Identity{*std::move(name), Identity::How::certificate};
}

Caller identify(Call& call) {
  const AuthSettings& auth = *call.settings->auth;
  Caller caller;
  if (!auth.anonymous.empty()) caller.identity.name = auth.anonymous;
  // Where tokens come from, what is offered is judged by other rules.
  if (auth.open() || call.route.kind == Route::Kind::token || call.route.kind == Route::Kind::keys) return caller;
  const auto header = call.request().header("Authorization");
  const auto offered = header ? parse_authorization(*header) : Error{Failure::not_found};
  const auto* token = offered ? std::get_if<BearerToken>(&*offered) : nullptr;
  if (token) {
    auto grant = call.parts.tokens.verify(*auth.tokens, token->token, call.parts.loop.clock().wall_seconds());
    if (grant) {
      caller.grant = *std::move(grant);
      caller.identity.name = caller.grant->subject;
      if (caller.identity.name != auth.anonymous) caller.identity.how = Identity::How::token;
    } else {
      caller.refused = true;
    }
  }
  if (!caller.grant) {
    // A token that was meant for somebody else takes nothing from who is known without one.
    if (auto known = certified(auth, call.exchange)) caller = {*std::move(known), nullptr, false};
  }
  call.parts.requests.auth(caller.grant         ? "token"
                           : caller.certified() ? "certificate"
                           : caller.refused     ? "invalid"
                                                : "anonymous")
      .add(1);
  return caller;
}

bool carries(const Grant& grant, std::string_view action, const Name& repository, const Router& router) {
  return std::any_of(grant.access.begin(), grant.access.end(), [&](const Access& access) {
    if (access.type != "repository" || std::find(access.actions.begin(), access.actions.end(), action) == access.actions.end())
      return false;
    if (access.name == repository.text()) return true;
    const auto path = RepositoryPath::parse(access.name);
    const auto target = path ? router.resolve(*path, std::nullopt, "") : Error{Failure::not_found};
    return target && target->repository == repository;
  });
}

Refusal unauthorized(const Call& call, std::string detail) {
  const auto scope = call.target ? pull_scope(call) : std::string();
  const std::string_view error = call.caller.grant ? "insufficient_scope" : call.caller.refused ? "invalid_token" : "";
  return {ErrorCode::UNAUTHORIZED, 401, std::move(detail), bearer_challenge(*call.settings->auth, call.exchange, scope, error)};
}

std::optional<Refusal> nobody(const Call& call) {
  const AuthSettings& auth = *call.settings->auth;
  const Caller& caller = call.caller;
  if (auth.open() || caller.grant || caller.certified()) return std::nullopt;
  if (call.route.kind == Route::Kind::token || call.route.kind == Route::Kind::keys) return std::nullopt;
  // The base says that there is a login; what it leads to may be had without.
  if (!call.target) return unauthorized(call, "a token is needed");
  if (auth.required()) return unauthorized(call, "a token for this repository is needed");
  return std::nullopt;
}

std::optional<Refusal> beyond_token(const Call& call) {
  if (!call.caller.grant || !call.target) return std::nullopt;
  if (carries(*call.caller.grant, "pull", call.target->repository, *call.settings->router)) return std::nullopt;
  return unauthorized(call, "the token is for something else");
}

}  // namespace weir
