#include "proxy/upstream/token_cache.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostAnswerBytes = 256 << 10;
constexpr std::size_t kMostAnswerValues = 1000;
constexpr std::size_t kMostTokens = 10'000;
constexpr std::int64_t kLeastSeconds = 60;  // token.md: a token lives at least this long
constexpr auto kMargin = Seconds(10);       // it should outlive the request it is put on

}  // namespace

std::string TokenCache::key_of(const Challenge& challenge) {
  return challenge.realm + '\n' + challenge.service + '\n' + challenge.scope;
}

std::optional<std::string> TokenCache::find(const Challenge& challenge) const {
  std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key_of(challenge));
  if (found == tokens_.end() || found->second.good_until <= clock_.now()) return std::nullopt;
  return found->second.text;
}

void TokenCache::forget(const Challenge& challenge, const std::string& token) {
  std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key_of(challenge));
  if (found != tokens_.end() && found->second.text == token) tokens_.erase(found);
}

Task<Result<std::string>> TokenCache::get(UpstreamContext context, Challenge challenge, TransferRequest transfer) {
  if (auto token = find(challenge)) co_return std::move(*token);
  const auto key = key_of(challenge);
  if (auto error = failed_.held_back(key)) co_return *std::move(error);
  auto answer = co_await flights_.run(context.transport.loop(), key, [this, context, key, challenge, transfer]() {
    return fetch_and_keep(context, key, challenge, transfer);
  });
  co_return std::move(answer.value);
}

Task<Result<std::string>> TokenCache::fetch_and_keep(UpstreamContext context, std::string key, Challenge challenge,
                                                     TransferRequest transfer) {
  if (auto known = find(challenge)) co_return std::move(*known);  // another flight may have ended since the caller looked
  auto token = co_await fetch(context, challenge, std::move(transfer));
  context.counters.cell(Metric::token_fetches, upstream_ + (token ? ",ok" : ",failed")).add(1);
  if (!token) {
    failed_.failed(key, token.error());
    co_return std::move(token).error();
  }
  failed_.succeeded(key);
  std::lock_guard lock(mutex_);
  if (tokens_.size() >= kMostTokens) {
    std::erase_if(tokens_, [now = clock_.now()](const auto& entry) { return entry.second.good_until <= now; });
    if (tokens_.size() >= kMostTokens) tokens_.clear();
  }
  tokens_.insert_or_assign(key, *token);
  co_return token->text;
}

Task<Result<std::string>> TokenCache::fetch_for_another(UpstreamContext context, Challenge challenge, TransferRequest transfer) {
  auto token = co_await fetch(context, challenge, std::move(transfer));
  context.counters.cell(Metric::token_fetches, upstream_ + (token ? ",ok" : ",failed")).add(1);
  if (!token) co_return std::move(token).error();
  co_return std::move(token->text);
}

Task<Result<TokenCache::Token>> TokenCache::fetch(UpstreamContext context, const Challenge& challenge, TransferRequest request) {
  request.method = "GET";
  request.url = challenge.realm + (challenge.realm.find('?') == std::string::npos ? '?' : '&');
  if (!challenge.service.empty()) request.url += "service=" + percent_encode(challenge.service) + '&';
  // A challenge may name several scopes, with spaces between; the realm is asked for each by a parameter of its own.
  for (const auto scope : split(challenge.scope, ' ')) request.url += "scope=" + percent_encode(scope) + '&';
  request.url.pop_back();
  auto transfer = context.transport.start(std::move(request));
  auto head = co_await transfer->head();
  if (!head) co_return std::move(head).error();
  if (head->status == 401 || head->status == 403) {
    co_return Error{Failure::unauthorized, Side::upstream, false,
                    "the token realm refused (" + std::to_string(head->status) + ")", head->status};
  }
  if (head->status != 200) {
    const auto failure = head->status == 429 ? Failure::throttled : Failure::refused;
    co_return Error{failure, Side::upstream, true, "the token realm answered " + std::to_string(head->status), head->status};
  }
  auto body = co_await transfer->read_all(kMostAnswerBytes);
  if (!body) co_return std::move(body).error();
  const auto json = Json::parse(*body, {.depth = 16, .values = kMostAnswerValues, .string = kMostAnswerBytes});
  auto text = json ? json->string_at("token") : std::nullopt;
  if (json && (!text || text->empty())) text = json->string_at("access_token");
  const bool clean = text && !text->empty() && std::all_of(text->begin(), text->end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean) co_return Error{Failure::corrupt, Side::upstream, true, "the token realm's answer has no token"};
  const auto said = json->integer_at("expires_in").value_or(kLeastSeconds);
  const auto seconds = std::clamp<std::int64_t>(said, kLeastSeconds, 24 * 3600);
  co_return Token{std::move(*text), clock_.now() + Seconds(seconds) - kMargin};
}

}  // namespace weir
