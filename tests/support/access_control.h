// Whom an upstream lets read its registry: everybody, holders of a token, or users with a password.
//
// It guards the paths below /v2/. Any thread may call any function.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "tests/support/http_message.h"
#include "tests/support/reply.h"
#include "tests/support/token_service.h"

namespace weir::testing {

class AccessControl {
 public:
  void allow_anyone();

  // Tokens of `tokens`, which clients get at `realm`.
  void require_bearer(std::string realm, std::shared_ptr<const TokenService> tokens);

  void require_basic(std::string username, std::string password);

  // What a credential that was good once is answered with: 401 with a challenge, or 403 as some registries do.
  void answer_expired_with(int status);

  // From now on the password of require_basic() is an expired one.
  void expire_password();

  // The refusal, or nothing when the request may pass.
  std::optional<Reply> refusal(const Request& request) const;

 private:
  enum class Mode { open, bearer, basic };

  std::optional<Reply> refuse_bearer(const std::string& authorization, const Request& request) const;
  std::optional<Reply> refuse_basic(const std::string& authorization) const;
  Reply refuse_expired(const std::string& challenge) const;

  mutable std::mutex mutex_;
  Mode mode_ = Mode::open;  // guarded by mutex_, as all below
  std::string realm_;
  std::shared_ptr<const TokenService> tokens_;
  std::string authorization_;
  bool password_expired_ = false;
  int expired_status_ = 401;
};

}  // namespace weir::testing
