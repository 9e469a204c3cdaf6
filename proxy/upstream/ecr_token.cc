#include "proxy/upstream/ecr_token.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "proxy/upstream/aws_exchange.h"

namespace weir {
namespace {

constexpr int kTheOnlyFlight = 0;
constexpr char kTheOnlyKey[] = "";
constexpr std::size_t kMostTokenText = 16 << 10;
constexpr WallSeconds kLeastLife = 60, kMostLife = 12 * 3600;  // twelve hours is what the API gives

// What the errors are called that mean the credentials, not what they may do; a newer one may be had (AWS, "Common Errors").
bool blames_credentials(std::string_view code) {
  for (const char* each : {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId",
                           "InvalidSignatureException", "RequestExpired"}) {
    if (code == each) return true;
  }
  return false;
}

// `com.amazon.coral.service#AccessDeniedException` -> `AccessDeniedException`.
std::string error_code(const std::string& body) {
  const auto json = Json::parse(body, kAwsLimits);
  const auto type = json ? json->string_at("__type").value_or("") : std::string();
  return shown_code(std::string_view(type).substr(type.rfind('#') + 1));
}

bool is_base64(std::string_view text) {
  return !text.empty() && text.size() <= kMostTokenText && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
  });
}

// Counts a Task that runs on its own.
class Errand {
 public:
  explicit Errand(std::atomic<unsigned>& count) : count_(count) { ++count_; }
  ~Errand() { --count_; }
  Errand(const Errand&) = delete;

 private:
  std::atomic<unsigned>& count_;
};

}  // namespace

Task<Result<std::string>> EcrToken::get(UpstreamContext context) {
  std::optional<std::string> token;
  bool renew_now = false;
  const auto held_back = failed_.held_back(kTheOnlyKey);
  {
    std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    if (token_ && now < token_->good_until) {
      token = token_->what;
      renew_now = now >= token_->renew_at && !held_back && !renewing_;
      if (renew_now) renewing_ = true;
    }
  }
  if (renew_now) spawn(renew(shared_from_this(), context));
  if (token) co_return *std::move(token);
  if (held_back) co_return *held_back;
  auto answer = co_await flights_.run(context.transport.loop(), kTheOnlyFlight,
                                      [self = shared_from_this(), context] { return fetch_and_keep(self, context); });
  co_return std::move(answer.value);
}

void EcrToken::refused(const std::string& token) {
  std::lock_guard lock(mutex_);
  if (token_ && token_->what == token) token_.reset();
}

Task<void> EcrToken::renew(std::shared_ptr<EcrToken> self, UpstreamContext context) {
  const Errand errand(context.background);
  auto answer = co_await self->flights_.run(context.transport.loop(), kTheOnlyFlight,
                                            [self, context] { return fetch_and_keep(self, context); });
  (void)answer;  // kept, or the old one serves on
  std::lock_guard lock(self->mutex_);
  self->renewing_ = false;
}

Task<Result<std::string>> EcrToken::fetch_and_keep(std::shared_ptr<EcrToken> self, UpstreamContext context) {
  const Errand errand(context.background);
  {
    // Another flight may have ended since the caller looked.
    std::lock_guard lock(self->mutex_);
    if (self->token_ && self->clock_.now() < self->token_->renew_at) co_return self->token_->what;
  }
  auto fetched = co_await self->fetch(context);
  context.counters.cell(Metric::token_fetches, self->options_.upstream + (fetched ? ",ok" : ",failed")).add(1);
  if (!fetched) {
    self->failed_.failed(kTheOnlyKey, fetched.error());
    co_return std::move(fetched).error();
  }
  self->failed_.succeeded(kTheOnlyKey);
  std::lock_guard lock(self->mutex_);
  self->token_ = *fetched;
  co_return fetched->what;
}

// Credentials that were kept may have been revoked meanwhile; then new ones are tried, once.
Task<Result<EcrToken::Lasting<std::string>>> EcrToken::fetch(UpstreamContext context) {
  for (bool last = false;; last = true) {
    bool kept;
    {
      std::lock_guard lock(mutex_);
      kept = credentials_.has_value();
    }
    auto found = co_await credentials(context);
    if (!found) co_return std::move(found).error();
    bool stale = false;
    auto token = co_await ask(context, *found, stale);
    if (token || !stale || !kept || last) co_return token;
    std::lock_guard lock(mutex_);
    credentials_.reset();
  }
}

Task<Result<AwsCredentials>> EcrToken::credentials(UpstreamContext context) {
  std::optional<AwsCredentials> old;
  {
    std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    if (credentials_ && now < credentials_->renew_at) co_return credentials_->what;
    if (credentials_ && now < credentials_->good_until) old = credentials_->what;
  }
  auto found = co_await chain_.find(context);
  if (!found && old) co_return *std::move(old);
  if (!found) co_return found;
  std::lock_guard lock(mutex_);
  credentials_.reset();
  if (found->expires_at) credentials_ = lasting(*found, *found->expires_at);
  co_return found;
}

Task<Result<EcrToken::Lasting<std::string>>> EcrToken::ask(UpstreamContext context, const AwsCredentials& with, bool& stale) {
  auto request = options_.transfer;
  request.method = "POST";
  request.headers = {"Content-Type: application/x-amz-json-1.1",
                     std::string("X-Amz-Target: ") +
                         (options_.is_public ? "SpencerFrontendService" : "AmazonEC2ContainerRegistry_V20150921") +
                         ".GetAuthorizationToken"};
  request.body = options_.account.empty() ? "{}" : R"({"registryIds":[")" + options_.account + "\"]}";
  request.aws_signature = AwsSignature{options_.region, options_.is_public ? "ecr-public" : "ecr", with.key_id, with.secret,
                                       with.session_token};
  auto answer = co_await ask_aws(context.transport, std::move(request));
  if (!answer) co_return std::move(answer).error();
  if (answer->status == 200) co_return read_answer(answer->body);
  // The message is left out: about a signature it repeats what was signed, and with it the session's token.
  const auto code = error_code(answer->body);
  stale = blames_credentials(code);
  auto error = aws_refusal("ECR refused GetAuthorizationToken: " + code, answer->status);
  if (code == "ThrottlingException") error.failure = Failure::throttled;
  co_return error;
}

Result<EcrToken::Lasting<std::string>> EcrToken::read_answer(const std::string& body) const {
  const Error wrong{Failure::corrupt, Side::upstream, true, "ECR's answer to GetAuthorizationToken holds no token"};
  const auto json = Json::parse(body, kAwsLimits);
  auto data = json ? json->at("authorizationData") : std::nullopt;
  // One for each registry that was asked for; the public API has one and no list.
  if (data && data->is_array()) {
    const auto items = data->items();
    if (items.empty()) return wrong;
    data = items.front();
  }
  if (!data) return wrong;
  const auto token = data->string_at("authorizationToken").value_or("");
  const auto expires = data->at("expiresAt");
  const auto seconds = expires ? expires->number() : std::nullopt;
  if (!is_base64(token) || !seconds || !std::isfinite(*seconds) || std::abs(*seconds) > 1e12) return wrong;
  return lasting(token, static_cast<WallSeconds>(*seconds));
}

// A tenth of its life it is too old to begin with, but a minute at most. A clock that is wrong makes a life of a minute at least.
template <typename T>
EcrToken::Lasting<T> EcrToken::lasting(T what, WallSeconds expires_at) const {
  const Seconds life(std::clamp<WallSeconds>(expires_at - clock_.wall_seconds(), kLeastLife, kMostLife));
  const auto now = clock_.now();
  return {std::move(what), now + life / 2, now + life - std::min<Seconds>(life / 10, Seconds(60))};
}

}  // namespace weir
