#include "proxy/token_endpoint.h"

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "proxy/answer.h"
#include "proxy/auth/authorization.h"
#include "proxy/decide.h"
#include "proxy/identify.h"

namespace weir {
namespace {

Error not_known() { return Error{Failure::unauthorized, Side::client, false, "these credentials are not known here"}; }

void write_scope(JsonWriter& json, const std::vector<Access>& access) {
  std::string text;
  for (const auto& one : access) text += (text.empty() ? "" : " ") + Scope{one.type, "", one.name, one.actions}.text();
  json.member("scope", text);
}

}  // namespace

Task<Result<TokenRequest>> TokenEndpoint::read_request(Call& call) {
  const HttpRequest& request = call.request();
  if (request.method != "POST") co_return parse_token_query(request.query);
  const Error too_large{Failure::too_large, Side::client, false, "a form of more than 64 KiB"};
  if (request.body == HttpRequest::Body::length && request.content_length > TokenRequest::kMostFormBytes) co_return too_large;
  std::string form;
  for (;;) {
    auto piece = co_await call.exchange.read_body();
    if (!piece) co_return std::move(piece).error();
    if (piece->empty()) break;
    form += *piece;
    if (form.size() > TokenRequest::kMostFormBytes) co_return too_large;
  }
  co_return parse_token_form(form);
}

Task<Result<TokenEndpoint::Proven>> TokenEndpoint::prove_by_token(Call& call, std::string token) {
  const AuthSettings& auth = *call.settings->auth;
  Loop& loop = call.parts.loop;
  if (const auto refresh = auth.tokens->verify_refresh(token, loop.clock().wall_seconds())) {
    // Good for as long as the password that it was given for is the user's.
    const auto mark = auth.users->mark(refresh->subject);
    if (!mark || !equal_secrets(*mark, refresh->mark)) co_return not_known();
    call.parts.requests.auth("refresh").add(1);
    co_return Proven{{refresh->subject, Identity::How::password}, *mark};
  }
  if (!auth.oidc || !auth.oidc->claims_to_be(token)) co_return not_known();
  auto identity = co_await auth.oidc->verify(loop, std::move(token));
  if (!identity) {
    site_.log.info("a token of the issuer is not accepted", {{"client", call.exchange.peer()}, {"error", identity.error().what}});
    if (identity.error().side == Side::client) co_return not_known();
    co_return std::move(identity).error();
  }
  call.parts.requests.auth("oidc").add(1);
  co_return Proven{*std::move(identity), {}};
}

Task<Result<TokenEndpoint::Proven>> TokenEndpoint::prove_by_password(Call& call, std::string name, std::string password) {
  const AuthSettings& auth = *call.settings->auth;
  // Whoever can send a password only, can send a token as one.
  if (looks_like_jwt(password)) {
    auto proven = co_await prove_by_token(call, password);
    if (proven || proven.error().side != Side::client) co_return proven;
  }
  if (auth.users->empty()) co_return not_known();
  auto good = co_await passwords_.check(call.parts.loop, call.exchange.peer(), name, std::move(password));
  if (!good) {
    call.parts.requests.auth("throttled").add(1);
    co_return std::move(good).error();
  }
  if (!*good) co_return not_known();
  call.parts.requests.auth("password").add(1);
  auto mark = auth.users->mark(name);
  co_return Proven{{std::move(name), Identity::How::password}, std::move(mark).value_or("")};
}

// Error: unauthorized for what is not known here; throttled and overloaded where it was not even looked at; an issuer's.
Task<Result<TokenEndpoint::Proven>> TokenEndpoint::prove(Call& call, TokenRequest request) {
  switch (request.proof) {
    case TokenRequest::Proof::password: {
      auto proven = co_await prove_by_password(call, std::move(request.username), std::move(request.password));
      co_return proven;
    }
    case TokenRequest::Proof::refresh_token: {
      auto proven = co_await prove_by_token(call, std::move(request.refresh_token));
      co_return proven;
    }
    case TokenRequest::Proof::header: break;
  }
  const auto header = call.request().header("Authorization");
  if (!header) co_return not_known();
  auto offered = parse_authorization(*header);
  if (!offered) co_return not_known();
  if (auto* token = std::get_if<BearerToken>(&*offered)) {
    auto proven = co_await prove_by_token(call, std::move(token->token));
    co_return proven;
  }
  auto& basic = std::get<BasicCredentials>(*offered);
  auto proven = co_await prove_by_password(call, std::move(basic.name), std::move(basic.password));
  co_return proven;
}

std::vector<Access> TokenEndpoint::granted(const Call& call, const Identity& identity, const std::vector<Scope>& scopes) const {
  const Router& router = *call.settings->router;
  const auto host = call.exchange.host();
  std::vector<Access> access;
  for (const auto& scope : scopes) {
    if (scope.type != "repository" || !scope.type_class.empty()) continue;
    const auto path = RepositoryPath::parse(scope.name);
    const auto target = path ? router.resolve(*path, std::nullopt, host) : Error{Failure::not_found};
    if (!target) continue;
    Access one{scope.type, scope.name, {}};
    for (const char* action : {"pull", "push", "delete"}) {
      const bool asked = std::any_of(scope.actions.begin(), scope.actions.end(),
                                     [&](const auto& each) { return each == action || each == "*"; });
      if (asked && may_ever(call, identity.name, action, *target)) one.actions.emplace_back(action);
    }
    if (one.actions.empty()) continue;
    // A name that means this repository because of the Host it was sent to is written in full.
    const auto alone = router.resolve(*path, std::nullopt, "");
    if (!alone || !(alone->repository == target->repository)) one.name = target->repository.text();
    access.push_back(std::move(one));
  }
  return access;
}

std::string TokenEndpoint::answer(Call& call, const TokenRequest& request, const Proven& proven) const {
  const Tokens& tokens = *call.settings->auth->tokens;
  const auto& clock = call.parts.loop.clock();
  const auto now = clock.wall_seconds();
  const auto access = granted(call, proven.identity, request.scopes);
  const auto token = tokens.issue(proven.identity.name, access, now, tokens.life());
  JsonWriter json;
  json.object().member("token", token).member("access_token", token);
  json.member("expires_in", std::int64_t{tokens.life().count()}).member("issued_at", rfc3339(now * 1000));
  write_scope(json, access);
  if (request.offline && !proven.mark.empty())
    json.member("refresh_token", tokens.issue_refresh(proven.identity.name, proven.mark, now));
  return json.end().take();
}

Task<void> TokenEndpoint::serve_token(Call& call) {
  const AuthSettings& auth = *call.settings->auth;
  auto request = co_await read_request(call);
  if (!request) {
    co_await refuse(call, request.error());
    co_return;
  }
  if (!request->service.empty() && request->service != auth.options.service) {
    const Error elsewhere{Failure::invalid, Side::client, false, "tokens are for " + auth.options.service + " here"};
    co_await refuse(call, elsewhere);
    co_return;
  }
  auto proven = co_await prove(call, *request);
  if (!proven && proven.error().failure == Failure::unauthorized) {
    if (auto known = certified(auth, call.exchange)) {
      call.parts.requests.auth("certificate").add(1);
      proven = Proven{*std::move(known), {}};
    }
  }
  if (!proven) {
    const auto failure = proven.error().failure;
    // Nobody's are the credentials that are wrong here, not those that nobody had time to look at.
    if (auth.anonymous.empty() || failure != Failure::unauthorized) {
      if (failure == Failure::unauthorized) call.parts.requests.auth("refused").add(1);
      co_await refuse(call, proven.error());
      co_return;
    }
    call.parts.requests.auth("anonymous").add(1);
    proven = Proven{{auth.anonymous, Identity::How::anonymous}, {}};
  }
  call.caller.identity = proven->identity;
  call.decide(Outcome::bypass);
  auto head = api_head(200);
  head.add("Content-Type", "application/json").add("Cache-Control", "no-store");
  auto sent = co_await call.exchange.respond(std::move(head), answer(call, *request, *proven));
  (void)sent;  // the exchange knows how far it came
}

Task<void> TokenEndpoint::serve_keys(Call& call) {
  call.decide(Outcome::bypass);
  auto head = api_head(200);
  head.add("Content-Type", "application/jwk-set+json").add("Cache-Control", "max-age=300");
  auto sent = co_await call.exchange.respond(std::move(head), call.settings->auth->tokens->keys().jwks());
  (void)sent;
}

Task<void> TokenEndpoint::refuse(Call& call, const Error& error) {
  call.error = error.what;
  call.decide(error.failure == Failure::unauthorized || error.failure == Failure::throttled ? Outcome::denied : Outcome::error);
  ErrorCode code = ErrorCode::UNAVAILABLE;
  int status = 503;
  std::string challenge;
  if (error.failure == Failure::unauthorized) {
    code = ErrorCode::UNAUTHORIZED, status = 401;
    challenge = "Basic realm=\"weir\"";
  } else if (error.failure == Failure::throttled) {
    code = ErrorCode::TOOMANYREQUESTS, status = 429;
  } else if (error.side == Side::client) {
    code = ErrorCode::UNSUPPORTED, status = error.failure == Failure::too_large ? 413
                                            : error.failure == Failure::timeout ? 408
                                                                                : 400;
  }
  auto sent = co_await respond_error(call.exchange, code, status, error.what, nullptr, challenge);
  (void)sent;
}

}  // namespace weir
