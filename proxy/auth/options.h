#pragma once
// What the program can be told about who may ask it.

#include <optional>
#include <string>

#include "base/certificate_name.h"
#include "base/clock.h"

namespace weir {

enum class AuthMode {
  open,      // nobody is asked who they are, and what they offer is not looked at
  optional,  // who has a token is who it says, all others are anonymous
  required,  // nothing is served without a token
};

struct AuthOptions {
  AuthMode mode = AuthMode::open;
  // Where clients get their tokens, as they reach it: a URL. Empty: /token at the public URL, or else where the request came to.
  std::string realm;
  // What tokens are for, as they and the challenge say.
  std::string service = "weir";
  Milliseconds token_ttl = std::chrono::minutes(15);  // at least a minute
  // PEM private keys, the one that signs first. Empty: `token-keys.pem` in the cache directory, made at the first start.
  std::string key_file;
  std::string users_file;  // htpasswd; empty: there are no users
  // Whom those are taken for who say nothing, or nothing we know; `off`: they get no token. Empty: `anonymous` where tokens
  // are optional, `off` where they are required.
  std::string anonymous;
  // The name in a client's certificate that it is known by (client-ca of [server] says whose are believed); nothing: it is not
  // looked at.
  std::optional<CertificateName> trust_client_certificates;
  // An OpenID Connect issuer whose tokens are taken for credentials; empty: none.
  std::string oidc_issuer;
  std::string oidc_audience;  // what such a token must be for
  std::string oidc_jwks;  // the issuer's keys: a file, or a URL
  std::string oidc_ca_file;  // PEM, whom to believe at that URL; empty: the system's
  std::string oidc_claim = "sub";  // the claim that is the identity
};

// `off` and the default put together; empty: nobody is anonymous.
inline std::string anonymous_name(const AuthOptions& options) {
  if (options.anonymous == "off") return {};
  if (!options.anonymous.empty()) return options.anonymous;
  return options.mode == AuthMode::required ? "" : "anonymous";
}

}  // namespace weir
