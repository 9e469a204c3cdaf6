#include "proxy/app.h"

#include "meter/access_log.h"
#include "proxy/answer.h"

namespace weir {
namespace {

std::int64_t microseconds(Instant from, Instant to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

}  // namespace

Task<void> App::handle(Exchange& exchange) {
  Call call{*site_.loops[exchange.loop().index()], exchange, site_.settings(), {}, {}, {}, false, Outcome::bypass, {}, {}};
  co_await answer(call);
  call.credit();
  account(call);
}

Task<void> App::answer(Call& call) {
  auto parsed = parse_route(call.request().path);
  if (const auto* wrong = std::get_if<RouteError>(&parsed)) {
    co_await refuse(call, wrong->code, wrong->status, wrong->detail);
    co_return;
  }
  call.route = std::get<Route>(std::move(parsed));
  const bool of_tokens = call.route.kind == Route::Kind::token || call.route.kind == Route::Kind::keys;
  if (of_tokens && call.settings->auth->open()) {
    co_await refuse(call, ErrorCode::UNSUPPORTED, 404, "this registry asks nobody for a token");
    co_return;
  }
  call.caller = identify(call);
  if (!call.request().is_get() && !(call.route.kind == Route::Kind::token && call.request().method == "POST")) {
    co_await refuse(call, ErrorCode::UNSUPPORTED, 405, "this registry is a cache: it is pulled from, not pushed to");
    co_return;
  }
  const bool resolved = co_await resolve(call);
  if (!resolved) co_return;
  const bool known = co_await admit(call, nobody(call));
  if (!known) co_return;
  // Before the token's scope, which lacks what the rules deny: whoever is refused is told by which.
  const bool may = co_await decide_.admit(call);
  if (!may) co_return;
  const bool covered = co_await admit(call, beyond_token(call));
  if (!covered) co_return;
  const bool shown = co_await visibility_.admits(call);
  if (shown) co_await dispatch(call);
}

// Which upstream and which repository. True: known, or not needed.
Task<bool> App::resolve(Call& call) {
  if (!call.route.names_repository()) co_return true;
  const auto ns = query_parameter(call.request().query, "ns");
  auto target = call.settings->router->resolve(call.route.path, ns, call.exchange.host());
  if (target) {
    call.target = *std::move(target);
    call.target->identity = call.identity();
    co_return true;
  }
  // Who may have nothing is not told what there is.
  if (call.settings->auth->required()) {
    const bool known = co_await admit(call, nobody(call));
    if (!known) co_return false;
  }
  const auto wrong = error_answer(target.error(), Subject::repository);
  co_await refuse(call, wrong.code, wrong.status, target.error().what);
  co_return false;
}

// True: there is no refusal. Else it is told.
Task<bool> App::admit(Call& call, std::optional<Refusal> no) {
  if (!no) co_return true;
  co_await refuse(call, no->code, no->status, std::move(no->detail), std::move(no->challenge));
  co_return false;
}

Task<void> App::dispatch(Call& call) {
  switch (call.route.kind) {
    case Route::Kind::base: {
      call.decide(Outcome::bypass);
      auto head = api_head(200);
      head.add("Content-Type", "application/json");
      auto sent = co_await call.exchange.respond(std::move(head), "{}");
      (void)sent;  // the exchange knows how far it came
      break;
    }
    case Route::Kind::manifest: co_await manifests_.serve(call); break;
    case Route::Kind::blob: co_await blobs_.serve(call); break;
    case Route::Kind::tags: co_await listings_.serve_tags(call); break;
    case Route::Kind::referrers: co_await listings_.serve_referrers(call); break;
    case Route::Kind::token: co_await tokens_.serve_token(call); break;
    case Route::Kind::keys: co_await tokens_.serve_keys(call); break;
    case Route::Kind::uploads:
      co_await refuse(call, ErrorCode::UNSUPPORTED, 404, "this version of weir does not serve " + std::string(call.route.name()));
      break;
  }
}

Task<void> App::refuse(Call& call, ErrorCode code, int status, std::string detail, std::string challenge) {
  call.decide(status == 401 || status == 403 ? Outcome::denied : Outcome::error);
  call.error = detail;
  auto sent = co_await respond_error(call.exchange, code, status, detail, call.target ? &*call.target : nullptr, challenge);
  (void)sent;
}

void App::account(const Call& call) {
  const auto& exchange = call.exchange;
  const auto now = call.parts.loop.now();
  const auto first_byte = microseconds(exchange.started(), exchange.first_byte().value_or(now));
  call.parts.requests.requests(call.outcome, call.route, exchange.status()).add(1);
  call.parts.requests.first_byte(call.outcome).observe(static_cast<std::uint64_t>(first_byte));
  for (std::size_t i = 0; i < call.sent.size(); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    const std::uint64_t answered = outcome == call.outcome ? 1 : 0;
    if (answered == 0 && call.sent[i] == 0) continue;
    // Who was only told to say who they are asked for whatever they liked: those names are none of the ledger's.
    const bool named = call.target && exchange.status() != 401;
    const UsageKey key{call.identity(),
                       {},
                       named ? std::string_view(call.target->repository.text()) : std::string_view(),
                       call.target ? std::string_view(call.target->upstream->options().name) : std::string_view(),
                       outcome,
                       Direction::sent};
    call.parts.usage.add(key, {answered, call.sent[i]});
  }
  if (!call.settings->access_log) return;

  AccessRecord record;
  record.identity = call.caller.identity.name;
  record.client = exchange.peer();
  record.method = call.request().method;
  record.route = call.route.name();
  if (call.target) record.repository = call.target->repository.text();
  if (call.route.reference) record.reference = call.route.reference->text();
  record.user_agent = call.request().header("User-Agent").value_or("");
  record.outcome = call.outcome;
  record.status = exchange.status();
  record.bytes = exchange.body_bytes();
  record.first_byte_us = first_byte;
  record.upstream_us = call.upstream_time.count();
  record.duration_us = microseconds(exchange.started(), now);
  record.complete = exchange.complete();
  record.error = call.error;
  write_access_line(site_.log, record);
}

}  // namespace weir
