// JSON Web Tokens as anybody might make them, good and forged, and the keys to sign them with. All text is what goes over the wire.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace weir::testing {

std::string base64url(std::string_view bytes);

class SigningKey {
 public:
  static SigningKey elliptic();  // P-256
  static SigningKey rsa();  // 2048 bits
  static SigningKey from_pem(const std::string& text);  // the first private key in it; throws when there is none

  std::string pem() const;
  std::string public_pem() const;
  // The public half as a JSON Web Key of that name.
  std::string jwk(const std::string& kid) const;
  // HEADER.PAYLOAD.SIGNATURE with ES256 or RS256, whatever the header claims.
  std::string sign(const std::string& header_json, const std::string& payload_json) const;

 private:
  explicit SigningKey(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
};

// With HS256 and that secret.
std::string sign_with_secret(const std::string& header_json, const std::string& payload_json, const std::string& secret);

// The payload of a token, decoded; empty when it is none.
std::string payload_of(const std::string& token);
// The header's `kid`, found as text.
std::string kid_of(const std::string& token);

}  // namespace weir::testing
