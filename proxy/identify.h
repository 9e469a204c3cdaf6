#pragma once
// Identify: who asks, by the token that comes with a request or by the certificate of its connection; and what somebody is told
// who may not go on.
//
// What else a request offers (Basic, a token that is not ours) was meant for somebody else: it is not looked at, not kept and
// not passed on, and whoever sent it is nobody. Passwords are shown to the token endpoint alone.

#include <memory>
#include <optional>
#include <string>

#include "oci/errors.h"
#include "proxy/auth/identity.h"
#include "proxy/auth/tokens.h"
#include "proxy/auth_settings.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/router.h"

namespace weir {

struct Call;

struct Caller {
  Identity identity;
  std::shared_ptr<const Grant> grant;  // of the token that says so; nothing: there was none that is good
  // No token is needed: a certificate speaks for as long as the connection.
  bool certified() const noexcept { return identity.how == Identity::How::certificate; }
  bool refused = false;                // there was a token, and it is not good
  // Has shown nothing that says who it is, not even a token for nobody.
  bool nobody() const noexcept { return !grant && !certified(); }
};

// Who the client is by the certificate that it has shown; nothing: it has shown none, or nobody looks.
std::optional<Identity> certified(const AuthSettings& auth, const Exchange& exchange);

// After the route is known. Thread: the call's loop. Counts what came of it.
Caller identify(Call& call);

// Why a request does not go on.
struct Refusal {
  ErrorCode code;
  int status;
  std::string detail;
  std::string challenge;  // of a 401
};

// Whether somebody who says nothing is asked to; nothing: the caller is known well enough.
std::optional<Refusal> nobody(const Call& call);
// Whether the caller's token is for what the call asks for; nothing: it is, or none is needed. Asked once, at the request's
// start: what is being sent when a token ends is sent to its end.
std::optional<Refusal> beyond_token(const Call& call);
// 401, with where to get a token. RFC 6750 3.1.
Refusal unauthorized(const Call& call, std::string detail);

// What a token lets its holder do with a repository.
bool carries(const Grant& grant, std::string_view action, const Name& repository, const Router& router);

// `Bearer realm="...",service="..."` and what else there is to say. RFC 6750 3.
std::string bearer_challenge(const AuthSettings& auth, const Exchange& exchange, std::string_view scope, std::string_view error);

}  // namespace weir
