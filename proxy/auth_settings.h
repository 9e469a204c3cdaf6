#pragma once
// AuthSettings: what a configuration says of who may ask, ready for use. Replaced whole on SIGHUP.

#include <memory>
#include <string>

#include "proxy/auth/identity.h"
#include "proxy/auth/oidc.h"
#include "proxy/auth/options.h"
#include "proxy/auth/tokens.h"
#include "proxy/auth/users.h"

namespace weir {

// Immutable, but for what its parts guard themselves. Thread: any.
struct AuthSettings {
  AuthOptions options;
  std::string public_url;                // empty: as requests say
  std::string anonymous;                 // whom those are who say nothing; empty: nobody
  std::shared_ptr<const Tokens> tokens;  // all but open
  std::shared_ptr<const Users> users;    // maybe none
  std::shared_ptr<Oidc> oidc;            // nothing: there is no issuer

  bool open() const noexcept { return options.mode == AuthMode::open; }
  bool required() const noexcept { return options.mode == AuthMode::required; }
};

// Reads the key file, which is made when it is not there, and the users. `before`: what served until now, whose knowledge of an
// issuer's keys is kept where it is the same issuer. Blocks.
// Error: as KeyRing::read_or_make() and Users::read().
Result<std::shared_ptr<const AuthSettings>> make_auth_settings(const Clock& clock, const AuthOptions& options,
                                                               std::string public_url, const std::string& default_key_file,
                                                               Oidc::Fetch fetch, const AuthSettings* before);

}  // namespace weir
