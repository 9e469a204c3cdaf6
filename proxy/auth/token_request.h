#pragma once
// TokenRequest: what a client asks the token endpoint (distribution, docs/content/spec/auth/token and .../oauth).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proxy/auth/scope.h"

namespace weir {

struct TokenRequest {
  enum class Proof {
    header,         // GET: whatever Authorization says, or nothing
    password,       // POST: user and password
    refresh_token,  // POST: a token
  };
  static constexpr std::size_t kMostFormBytes = 64 << 10;

  Proof proof = Proof::header;
  std::string service;         // empty: not said
  std::vector<Scope> scopes;   // of all parameters of that name
  bool offline = false;        // a token that renews is wanted too
  std::string username, password, refresh_token;
};

// The query of a GET: service, scope (any number of them), offline_token. Others are passed over.
// Error (client): invalid or too_large, as parse_scopes(); invalid for a bad encoding or a parameter that is there twice.
Result<TokenRequest> parse_token_query(std::string_view query);

// The body of a POST, application/x-www-form-urlencoded: grant_type, service, scope, access_type, and username and password or
// refresh_token. Error: the same; unsupported for another grant_type.
Result<TokenRequest> parse_token_form(std::string_view form);

}  // namespace weir
