#pragma once
// JSON Web Tokens in the compact serialization (RFC 7515 3.1, RFC 7519), ES256 or RS256 and nothing else.
//
// A token that was parsed is a claim that somebody makes; only verify_jwt() makes it a fact. Error texts never repeat a token.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/result.h"

namespace weir {

// What a token of a registry lets its holder do with one resource (distribution, docs/content/spec/auth/jwt).
struct Access {
  std::string type;  // `repository`, `registry`
  std::string name;
  std::vector<std::string> actions;

  friend bool operator==(const Access&, const Access&) = default;
};

struct Claims {
  std::string iss, sub, jti;
  std::vector<std::string> aud;
  std::optional<WallSeconds> exp, nbf, iat;
  std::vector<Access> access;
};

struct Jwt {
  static constexpr std::size_t kMostBytes = 16 << 10;

  SignatureAlgorithm algorithm = SignatureAlgorithm::es256;
  std::string kid;      // empty: it names no key
  Claims claims;
  Json payload;         // all claims, for what a configuration names
  std::string message;  // what was signed
  std::string signature;
};

// Error (client): too_large over kMostBytes, before anything else is looked at; invalid for what is no such token: another
// algorithm, `crit`, times that are no whole seconds, a claim of the wrong kind.
Result<Jwt> parse_jwt(std::string_view token);

// Whether it is worth a try to read it as a token: three parts of base64url.
bool looks_like_jwt(std::string_view text);

// Error (client): denied, the signature is not this key's or was made with an algorithm that is not this key's.
Status verify_jwt(const Jwt& jwt, const PublicKey& key);

// Error (client): timeout when `now` is after exp, denied when it is before nbf or iat, invalid without exp. The two clocks may
// be `leeway` apart. RFC 7519 4.1.4: at exp it is over.
Status check_times(const Claims& claims, WallSeconds now, Seconds leeway);

// The token. `kid` says which key it was; times that are nothing are left out.
std::string sign_jwt(const Claims& claims, const PrivateKey& key, std::string_view kid);

}  // namespace weir
