#pragma once
// AuthSettings: what a configuration says of who may ask, ready for use. Replaced whole on SIGHUP.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "oci/name.h"
#include "proxy/auth/identity.h"
#include "proxy/auth/oidc.h"
#include "proxy/auth/options.h"
#include "proxy/auth/tokens.h"
#include "proxy/auth/users.h"

namespace weir {

// Whether an identity may do this (`pull`, `push`, `delete`) with a repository. Thread: any; it does not wait.
using Grants = std::function<bool(const Identity& identity, std::string_view action, const Name& repository)>;
// Without rules: everybody may pull.
bool pull_only(const Identity& identity, std::string_view action, const Name& repository);

// Immutable, but for what its parts guard themselves. Thread: any.
struct AuthSettings {
  AuthOptions options;
  std::string public_url;                // empty: as requests say
  std::string anonymous;                 // whom those are who say nothing; empty: nobody
  std::shared_ptr<const Tokens> tokens;  // all but open
  std::shared_ptr<const Users> users;    // maybe none
  std::shared_ptr<Oidc> oidc;            // nothing: there is no issuer
  Grants grants = pull_only;

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
