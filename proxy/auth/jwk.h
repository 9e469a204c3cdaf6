#pragma once
// Public keys as JSON (RFC 7517; RFC 7518 6.2, 6.3), and the name that is made of a key itself (RFC 7638).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/json.h"
#include "base/result.h"

namespace weir {

struct Jwk {
  std::string kid;  // as its owner calls it; empty: it has no name
  PublicKey key;
};

// The keys of a set that can verify what we take: P-256 and RSA, for signatures. Others are passed over, as RFC 7517 5 says;
// at most 64 are kept. Error: invalid, it is no set of keys, or none of them is usable.
Result<std::vector<Jwk>> parse_jwks(std::string_view json);

// {"keys":[...]}, each with its `kid`, `use` and `alg`.
std::string jwks_document(const std::vector<Jwk>& keys);

// The SHA-256 thumbprint of a key, in base64url: 43 characters.
std::string thumbprint(const PublicKey& key);

}  // namespace weir
