#include "tests/support/access_control.h"

#include <cstdlib>
#include <utility>

#include "tests/support/registry_api.h"

namespace weir::testing {

namespace {

Reply unauthorized(const std::string& challenge) {
  auto reply = Reply::error(401, "UNAUTHORIZED", "authentication required");
  reply.headers.set("WWW-Authenticate", challenge);
  reply.headers.set("Docker-Distribution-Api-Version", "registry/2.0");
  return reply;
}

}  // namespace

void AccessControl::allow_anyone() {
  std::lock_guard lock(mutex_);
  mode_ = Mode::open;
}

void AccessControl::require_bearer(std::string realm, std::shared_ptr<const TokenService> tokens) {
  std::lock_guard lock(mutex_);
  mode_ = Mode::bearer;
  realm_ = std::move(realm);
  tokens_ = std::move(tokens);
}

void AccessControl::require_basic(std::string username, std::string password) {
  std::lock_guard lock(mutex_);
  mode_ = Mode::basic;
  authorization_ = basic_authorization(username, password);
  password_expired_ = false;
}

void AccessControl::answer_expired_with(int status) {
  std::lock_guard lock(mutex_);
  expired_status_ = status;
}

void AccessControl::expire_password() {
  std::lock_guard lock(mutex_);
  password_expired_ = true;
}

std::optional<Reply> AccessControl::refusal(const Request& request) const {
  if (!request.target.starts_with("/v2")) return std::nullopt;
  std::lock_guard lock(mutex_);
  auto authorization = request.headers.value("Authorization");
  switch (mode_) {
    case Mode::open: return std::nullopt;
    case Mode::bearer: return refuse_bearer(authorization, request);
    case Mode::basic: return refuse_basic(authorization);
  }
  std::abort();
}

std::optional<Reply> AccessControl::refuse_bearer(const std::string& authorization, const Request& request) const {
  auto path = RegistryPath::parse(request.path());
  auto repository = path ? path->repository : "";
  auto challenge = "Bearer realm=\"" + realm_ + "\",service=\"" + tokens_->service() + "\"";
  if (!repository.empty()) challenge += ",scope=\"repository:" + repository + ":pull\"";
  if (!authorization.starts_with("Bearer ")) return unauthorized(challenge);
  switch (tokens_->judge(std::string_view(authorization).substr(7), repository)) {
    case TokenService::Verdict::good: return std::nullopt;
    case TokenService::Verdict::insufficient: return unauthorized(challenge + ",error=\"insufficient_scope\"");
    case TokenService::Verdict::expired: return refuse_expired(challenge + ",error=\"invalid_token\"");
    default: return unauthorized(challenge + ",error=\"invalid_token\"");
  }
}

std::optional<Reply> AccessControl::refuse_basic(const std::string& authorization) const {
  const std::string challenge = "Basic realm=\"registry\"";
  if (authorization != authorization_) return unauthorized(challenge);
  if (password_expired_) return refuse_expired(challenge);
  return std::nullopt;
}

Reply AccessControl::refuse_expired(const std::string& challenge) const {
  if (expired_status_ == 401) return unauthorized(challenge);
  return Reply::error(expired_status_, "DENIED", "Your Authorization Token has expired. Please run the login again.");
}

}  // namespace weir::testing
