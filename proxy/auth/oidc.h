#pragma once
// Oidc: tokens of one OpenID Connect issuer, taken for credentials: a Kubernetes service account's, a CI job's.
//
// A token is good when the issuer's key signed it, its iss and aud are the configured ones and its time has come and is not over
// (60 seconds between the clocks are forgiven). The identity is one of its claims.
// The keys come from a file or a URL when they are needed first, and again when a token names one that is not known, at most
// every 30 seconds; once an hour they are looked at again. While the issuer cannot be asked the last keys stay good.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/single_flight.h"
#include "base/task.h"
#include "proxy/auth/identity.h"
#include "proxy/auth/jwk.h"
#include "proxy/auth/jwt.h"

namespace weir {

struct OidcOptions {
  std::string issuer, audience, jwks, ca_file, claim;
  friend bool operator==(const OidcOptions&, const OidcOptions&) = default;
};

// Thread: any.
class Oidc {
 public:
  // Gets what the options name as `jwks`, on that loop: the wiring knows how files and URLs are read. Error: whatever kept it.
  using Fetch = std::function<Task<Result<std::string>>(Loop& loop, std::string where)>;

  Oidc(const Clock& clock, OidcOptions options, Fetch fetch)
      : clock_(clock), options_(std::move(options)), fetch_(std::move(fetch)) {}

  const OidcOptions& options() const noexcept { return options_; }
  // Whether it says that it is one of the issuer's; no proof of anything.
  bool claims_to_be(std::string_view token) const;
  // Error: client's: invalid, too_large, denied, timeout, as Tokens::verify(); upstream's: the keys cannot be had and the last
  // ones do not know the token's.
  Task<Result<Identity>> verify(Loop& loop, std::string token);

 private:
  using Keys = std::shared_ptr<const std::vector<Jwk>>;
  Task<Keys> current_keys(Loop& loop, std::string kid, SignatureAlgorithm algorithm);
  Task<bool> renew(Loop& loop);
  Result<Identity> judge(const Jwt& jwt, const std::vector<Jwk>& keys) const;

  const Clock& clock_;
  const OidcOptions options_;
  const Fetch fetch_;
  std::mutex mutex_;
  Keys keys_;                            // guarded by mutex_; nothing before they were fetched first
  std::optional<Instant> asked_;         // guarded by mutex_
  std::optional<Error> failed_;          // guarded by mutex_: what the last fetch came to
  SingleFlight<int, bool> flights_;
};

}  // namespace weir
