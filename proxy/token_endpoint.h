#pragma once
// TokenEndpoint: where clients get their tokens (distribution, docs/content/spec/auth/token, .../oauth), and the keys that
// whoever wants may verify them with.
//
// GET /token with Basic or Bearer credentials, or none; POST /token with a form; GET /.well-known/jwks.json.
// A token says the intersection of what was asked and what the identity may do; what is left may be nothing, and it is a token
// all the same. Who offers credentials that are not known here is anonymous where that is allowed, and 401 where it is not.

#include <optional>
#include <string>
#include <vector>

#include "proxy/auth/identity.h"
#include "proxy/auth/password_check.h"
#include "proxy/auth/token_request.h"
#include "proxy/call.h"
#include "proxy/site.h"

namespace weir {

// Thread: any loop.
class TokenEndpoint {
 public:
  TokenEndpoint(const Site& site, PasswordCheck& passwords) : site_(site), passwords_(passwords) {}

  Task<void> serve_token(Call& call);
  Task<void> serve_keys(Call& call);

 private:
  struct Proven {
    Identity identity;
    std::string mark;  // of the password that was shown; what renews is bound to it
  };
  Task<Result<TokenRequest>> read_request(Call& call);
  Task<Result<Proven>> prove(Call& call, TokenRequest request);
  Task<Result<Proven>> prove_by_password(Call& call, std::string name, std::string password);
  Task<Result<Proven>> prove_by_token(Call& call, std::string token);
  std::vector<Access> granted(const Call& call, const Identity& identity, const std::vector<Scope>& scopes) const;
  std::string answer(Call& call, const TokenRequest& request, const Proven& proven) const;
  Task<void> refuse(Call& call, const Error& error);

  const Site& site_;
  PasswordCheck& passwords_;
};

}  // namespace weir
