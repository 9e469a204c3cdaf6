#include "proxy/visibility.h"

#include "base/text.h"
#include "oci/media_type.h"
#include "proxy/answer.h"

namespace weir {
namespace {

constexpr std::size_t kMostCredentials = 16 << 10;
constexpr char kChallenge[] = "Basic realm=\"weir\"";

Error needs_login(std::string what) { return Error{Failure::unauthorized, Side::client, false, std::move(what)}; }

// The value to try at the upstream: Basic, a bearer token, or nothing. An empty user with an empty password is nobody. Where we
// give tokens ourselves a bearer token is one of ours, and no upstream's business.
Result<std::string> credentials_of(const Call& call) {
  const std::string value(call.request().header("Authorization").value_or(""));
  if (value.empty() || value == "Basic Og==") return std::string();
  const auto scheme = to_lower(value.substr(0, value.find(' ')));
  if ((scheme != "basic" && scheme != "bearer") || value.size() > kMostCredentials)
    return needs_login("only user and password, or a token, can be tried at the upstream");
  if (scheme == "bearer" && !call.settings->auth->open()) return std::string();
  return value;
}

Subject subject_of(const Route& route) {
  switch (route.kind) {
    case Route::Kind::blob: return Subject::blob;
    case Route::Kind::manifest: return Subject::manifest;
    default: return Subject::repository;
  }
}

// The least that shows whether a caller may read this there. Blobs are never asked for by HEAD: some registries refuse it.
RegistryClient::Request proof_request(const Router::Target& target, const Route& route, std::string caller) {
  RegistryClient::Request request;
  request.repository = target.repository.path();
  request.caller = std::move(caller);
  if (route.kind == Route::Kind::tags || !route.reference) {
    request.path = "tags/list?n=1";
    request.accept = "application/json";
  } else if (route.kind == Route::Kind::blob) {
    request.path = "blobs/" + route.reference->text();
    request.range_first = 0;
    request.range_last = 0;
  } else {
    request.method = "HEAD";
    request.path = "manifests/" + route.reference->text();
    request.accept = media_type::accept_all_manifests();
  }
  return request;
}

// A page to log in at, where a proxy in front of the upstream leads strangers, is a success to HTTP and none to us.
bool is_registry_answer(const UpstreamHead& head, const Route& route) {
  const auto type = media_type::without_parameters(head.header("Content-Type").value_or(""));
  if (route.kind == Route::Kind::blob) return type != "text/html";
  return type.ends_with("json") || (route.kind != Route::Kind::tags && head.header("Docker-Content-Digest"));
}

}  // namespace

Task<bool> CallerVisibility::admits(Call& call) {
  Status answer = ok_status();
  if (!call.target) {
    if (!admits_root(call)) answer = needs_login("this upstream shows nothing to callers it does not know");
  } else if (call.target->upstream->options().visibility == Visibility::client) {
    answer = co_await prove(call);
  }
  if (answer) co_return true;
  const auto sent = co_await refuse(call, answer.error());
  (void)sent;  // the exchange knows how far it came
  co_return false;
}

Task<Status> CallerVisibility::prove(Call& call) {
  const auto& target = *call.target;
  auto caller = credentials_of(call);
  if (!caller) co_return std::move(caller).error();
  const auto key = proofs_.key(target.repository, *caller);
  if (proofs_.holds(key, target.upstream)) co_return ok_status();
  if (auto error = refused_.held_back(key)) co_return *std::move(error);
  const Instant start = call.parts.loop.now();
  const auto what = call.route.reference ? call.route.reference->text() : std::string();
  auto asked = co_await flights_.run(call.parts.loop, key + std::string(call.route.name()) + '\n' + what,
                                     [this, &parts = call.parts, target, route = call.route, caller = *caller, key] {
                                       return ask(parts, target, route, caller, key);
                                     });
  call.waited_since(start, false);
  co_return std::move(asked.value);
}

// Some clients offer what they have only where /v2/ asks for it.
bool CallerVisibility::admits_root(const Call& call) const {
  if (call.route.kind != Route::Kind::base || call.request().header("Authorization")) return true;
  const auto ns = query_parameter(call.request().query, "ns");
  const auto upstream = call.settings->router->resolve_host(ns, call.exchange.host());
  return !upstream || upstream->options().visibility != Visibility::client;
}

Task<Status> CallerVisibility::ask(LoopParts& parts, Router::Target target, Route route, std::string caller, std::string key) {
  if (proofs_.holds(key, target.upstream)) co_return ok_status();  // another flight may have ended since the caller looked
  auto request = proof_request(target, route, std::move(caller));
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response && response.error().status == 405 && request.method == "HEAD") {
    request.method = "GET";
    response = co_await target.upstream->request(parts.upstream(), request);
  }
  if (!response) {
    const auto& error = response.error();
    if (error.failure == Failure::unauthorized || error.failure == Failure::denied) refused_.failed(key, error);
    co_return error;
  }
  if (!is_registry_answer(response->head, route))
    co_return Error{Failure::corrupt, Side::upstream, false, "the upstream's answer to the caller's credentials is no registry's"};
  refused_.succeeded(key);
  proofs_.insert(key, target.upstream);
  co_return ok_status();
}

Task<Status> CallerVisibility::refuse(Call& call, const Error& error) {
  auto answer = error_answer(error, subject_of(call.route));
  std::string detail = error.what;
  switch (error.failure) {
    case Failure::unauthorized: answer = {ErrorCode::UNAUTHORIZED, 401}; break;
    case Failure::denied:
    case Failure::not_found:
    case Failure::throttled: break;
    default: answer = {ErrorCode::UNAVAILABLE, 503}; detail = "the upstream cannot say whether it may be shown: " + detail;
  }
  const bool no = answer.status == 401 || answer.status == 403;
  call.decide(no ? Outcome::denied : Outcome::error);
  call.error = detail;
  auto head = api_head(answer.status, call.target ? &*call.target : nullptr);
  head.add("Content-Type", "application/json");
  if (answer.status == 401) head.add("WWW-Authenticate", kChallenge);
  if (answer.status == 429 || answer.status == 503) head.add("Retry-After", "1");
  auto sent = co_await call.exchange.respond(std::move(head), error_body(answer.code, detail));
  co_return sent;
}

}  // namespace weir
