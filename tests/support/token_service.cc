#include "tests/support/token_service.h"

#include <openssl/evp.h>

#include <chrono>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "tests/support/json_text.h"

namespace weir::testing {

namespace {

std::string first_of(const std::vector<std::string>& values) { return values.empty() ? "" : values.front(); }

std::string utc_now() {
  auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// What a request asks for, whether as a query or as a form.
struct Question {
  std::string service;
  std::vector<std::string> scopes;
  std::string authorization;  // as the Authorization field would say it; empty when anonymous
  std::string refresh_token;
};

Question parse_get(const Request& request) {
  return {request.parameter("service"), request.parameters("scope"), request.headers.value("Authorization"), ""};
}

Question parse_post(const Request& request) {
  Question question{first_of(form_values(request.body, "service")), {}, "", ""};
  auto list = first_of(form_values(request.body, "scope"));
  for (std::string_view rest = list; !rest.empty();) {
    auto end = rest.find(' ');
    question.scopes.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  auto username = first_of(form_values(request.body, "username"));
  if (!username.empty()) {
    question.authorization = basic_authorization(username, first_of(form_values(request.body, "password")));
  }
  question.refresh_token = first_of(form_values(request.body, "refresh_token"));
  return question;
}

// The repository of "repository:NAME:pull" or "repository:NAME:pull,push"; nothing when malformed. A name may hold a
// colon, so the actions are behind the last one.
std::optional<std::string> repository_of(std::string_view scope) {
  constexpr std::string_view kType = "repository:";
  auto last = scope.rfind(':');
  if (!scope.starts_with(kType) || last < kType.size() || last + 1 == scope.size()) return std::nullopt;
  return std::string(scope.substr(kType.size(), last - kType.size()));
}

}  // namespace

std::string basic_authorization(const std::string& username, const std::string& password) {
  std::string plain = username + ":" + password;
  std::string encoded(4 * ((plain.size() + 2) / 3) + 1, '\0');
  auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                              reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return "Basic " + encoded;
}

void TokenService::configure(TokenOptions options) {
  std::lock_guard lock(mutex_);
  options_ = std::move(options);
}

std::string TokenService::service() const {
  std::lock_guard lock(mutex_);
  return options_.service;
}

void TokenService::expire_all() {
  std::lock_guard lock(mutex_);
  for (auto& [text, token] : tokens_) token.expired = true;
}

std::size_t TokenService::asked() const {
  std::lock_guard lock(mutex_);
  return asked_;
}

std::size_t TokenService::given() const {
  std::lock_guard lock(mutex_);
  return tokens_.size();
}

std::size_t TokenService::refused() const {
  std::lock_guard lock(mutex_);
  return refused_;
}

Reply TokenService::answer(const Request& request) {
  std::lock_guard lock(mutex_);
  ++asked_;
  bool post = request.method == "POST";
  if (post ? !options_.accepts_post : request.method != "GET") return refuse(405, "method not allowed");
  auto question = post ? parse_post(request) : parse_get(request);
  if (question.service != options_.service) return refuse(400, "unknown service");
  if (!options_.username.empty()) {
    bool known = question.authorization == basic_authorization(options_.username, options_.password);
    bool refreshed = !options_.refresh_token.empty() && question.refresh_token == options_.refresh_token;
    if (!known && !refreshed) return refuse(401, "incorrect username or password");
  }
  std::set<std::string> repositories;
  for (const auto& scope : question.scopes) {
    auto repository = repository_of(scope);
    if (!repository) return refuse(400, "malformed scope");
    if (!options_.hidden_repositories.contains(*repository)) repositories.insert(*repository);
  }
  return give(repositories);
}

Reply TokenService::refuse(int status, const std::string& why) {
  ++refused_;
  return Reply::json(status, "{\"details\":" + json_string(why) + "}\n");
}

Reply TokenService::give(const std::set<std::string>& repositories) {
  auto text = "token-" + std::to_string(tokens_.size() + 1);
  tokens_[text] = {repositories, false};
  std::string json = "{\"issued_at\":" + json_string(utc_now());
  if (options_.says_token) json += ",\"token\":" + json_string(text);
  if (options_.says_access_token) json += ",\"access_token\":" + json_string(text);
  if (options_.expires_in != 0) json += ",\"expires_in\":" + std::to_string(options_.expires_in);
  return Reply::json(200, json + "}");
}

TokenService::Verdict TokenService::judge(std::string_view token, const std::string& repository) const {
  std::lock_guard lock(mutex_);
  auto found = tokens_.find(token);
  if (found == tokens_.end()) return Verdict::unknown;
  if (found->second.expired) return Verdict::expired;
  if (!repository.empty() && !found->second.repositories.contains(repository)) return Verdict::insufficient;
  return Verdict::good;
}

}  // namespace weir::testing
