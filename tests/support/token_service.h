// The token server of the distribution specification: GET and POST /token, opaque tokens, counted.
//
// It checks what it is asked for: the service must be its own, each scope must be well formed, and the credentials must
// be right when it has any. A token is good for the scopes it was asked for until expire_all(). Failures and delays of
// the endpoint are scripted with rules on the path /token of the upstream that owns it. Any thread may call any
// function.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "tests/support/http_message.h"
#include "tests/support/reply.h"

namespace weir::testing {

struct TokenOptions {
  std::string service = "registry.test";
  std::string username = {};  // empty: anonymous callers get tokens too
  std::string password = {};
  std::string refresh_token = {};  // not empty: accepted in place of the password
  int expires_in = 300;            // what the answer says, in seconds; 0: it does not say. Nothing expires by itself.
  bool says_token = true;          // the field "token"
  bool says_access_token = true;   // the field "access_token"
  bool accepts_post = true;        // false: POST is answered 405
  std::set<std::string> hidden_repositories = {};  // tokens are given, but not for these
};

class TokenService {
 public:
  enum class Verdict { good, unknown, expired, insufficient };

  void configure(TokenOptions options);
  std::string service() const;

  // Every token given so far stops being good.
  void expire_all();

  std::size_t asked() const;  // requests to the endpoint
  std::size_t given() const;  // tokens
  std::size_t refused() const;

  // For the server. `repository` empty: any good token will do.
  Reply answer(const Request& request);
  Verdict judge(std::string_view token, const std::string& repository) const;

 private:
  struct Token {
    std::set<std::string> repositories;
    bool expired = false;
  };

  Reply refuse(int status, const std::string& why);
  Reply give(const std::set<std::string>& repositories);

  mutable std::mutex mutex_;
  TokenOptions options_;  // guarded by mutex_, as all below
  std::map<std::string, Token, std::less<>> tokens_;
  std::size_t asked_ = 0;
  std::size_t refused_ = 0;
};

// "Basic " and the credentials, as the Authorization field has them.
std::string basic_authorization(const std::string& username, const std::string& password);

}  // namespace weir::testing
