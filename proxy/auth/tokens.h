#pragma once
// Our own tokens: issued for an identity and what it may do, verified, and remembered so that a hit pays no signature.

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proxy/auth/jwt.h"
#include "proxy/auth/keys.h"

namespace weir {

// Whom a token names and what for, once that is certain.
struct Grant {
  std::string subject;
  std::vector<Access> access;
  WallSeconds expires = 0;
  std::string kid;  // of the key that says so
};

// Immutable. Thread: any.
class Tokens {
 public:
  // `service` is who issues them and what they are for.
  Tokens(std::string service, Milliseconds life, std::shared_ptr<const KeyRing> keys)
      : service_(std::move(service)), refresh_audience_(service_ + "#refresh"), life_(std::chrono::duration_cast<Seconds>(life)),
        keys_(std::move(keys)) {}

  const KeyRing& keys() const noexcept { return *keys_; }
  const std::string& service() const noexcept { return service_; }
  Seconds life() const noexcept { return life_; }

  std::string issue(std::string_view subject, std::vector<Access> access, WallSeconds now, Seconds life) const;
  // Error (client): invalid, too_large, denied for what is no token of ours (its form, key, signature, issuer, audience, begin);
  // timeout for one that has expired.
  Result<Grant> verify(std::string_view token, WallSeconds now) const;

  // A token that is good for nothing but for another token, for kRefreshLife. `mark` stands for the secret that its holder has
  // shown: it is worth nothing once that secret is another one.
  static constexpr Seconds kRefreshLife = std::chrono::hours(24 * 30);
  struct Refresh {
    std::string subject, mark;
  };
  std::string issue_refresh(std::string_view subject, std::string_view mark, WallSeconds now) const;
  Result<Refresh> verify_refresh(std::string_view token, WallSeconds now) const;

 private:
  Result<Jwt> verified(std::string_view token, std::string_view audience, WallSeconds now) const;

  const std::string service_, refresh_audience_;
  const Seconds life_;
  const std::shared_ptr<const KeyRing> keys_;
};

// What was verified lately, by the SHA-256 of the token. Thread: one loop's. Bounded: 4,096 tokens, the longest unused goes.
class VerifiedTokens {
 public:
  static constexpr std::size_t kMost = 4096;

  // As tokens.verify(), and cheaper from the second time on. A token is forgotten when it ends, and when its key or service is
  // no longer that of `tokens`.
  Result<std::shared_ptr<const Grant>> verify(const Tokens& tokens, std::string_view token, WallSeconds now);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string hash;
    std::string service;
    std::shared_ptr<const Grant> grant;
  };
  std::list<Entry> entries_;  // the latest used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_hash_;  // views into the entries
};

}  // namespace weir
