#pragma once
// Signatures: ES256 made and verified, RS256 verified (RFC 7518 3.3, 3.4); the door to OpenSSL's public-key functions.
//
// A verification says no or yes and never why. Private keys are shown to nobody but to_pem().

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace weir {

// A key and the one algorithm it is used with: nothing chooses between algorithms that both fit.
enum class SignatureAlgorithm {
  es256,  // ECDSA on P-256 with SHA-256
  rs256,  // RSASSA-PKCS1-v1_5 with SHA-256
};
constexpr const char* signature_algorithm_name(SignatureAlgorithm algorithm) {
  return algorithm == SignatureAlgorithm::es256 ? "ES256" : "RS256";
}

// A value: immutable, cheap to copy. Thread: any.
class PublicKey {
 public:
  static constexpr std::size_t kCoordinateBytes = 32;

  // A point of P-256, each coordinate 32 bytes, big-endian. Error: invalid, it is no such point.
  static Result<PublicKey> from_point(std::string_view x, std::string_view y);
  // An RSA key, big-endian numbers: a modulus of 2048 to 8192 bits, an exponent of at most 32.
  // Error: invalid, it is none or too weak or would take long to use.
  static Result<PublicKey> from_modulus(std::string_view modulus, std::string_view exponent);

  SignatureAlgorithm algorithm() const noexcept { return algorithm_; }
  // x and y of a point, or modulus and exponent without leading zeros: as they would be given again.
  const std::string& first() const noexcept { return first_; }
  const std::string& second() const noexcept { return second_; }

  // Whether this is the message's signature: r and s of 32 bytes each, or as long as the modulus.
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  PublicKey(SignatureAlgorithm algorithm, std::shared_ptr<evp_pkey_st> key, std::string first, std::string second)
      : algorithm_(algorithm), key_(std::move(key)), first_(std::move(first)), second_(std::move(second)) {}

  SignatureAlgorithm algorithm_;
  std::shared_ptr<evp_pkey_st> key_;
  std::string first_, second_;
};

// A key of P-256. A value: immutable, cheap to copy. Thread: any.
class PrivateKey {
 public:
  static PrivateKey generate();
  // One PEM block, PKCS #8 or SEC 1, without a passphrase. Error: invalid, it is no key of P-256.
  static Result<PrivateKey> from_pem(std::string_view pem);

  std::string to_pem() const;  // PKCS #8
  const PublicKey& public_key() const noexcept { return public_key_; }
  // r and s, 64 bytes.
  std::string sign(std::string_view message) const;

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> key, PublicKey public_key) : key_(std::move(key)), public_key_(std::move(public_key)) {}
  static Result<PrivateKey> take(std::shared_ptr<evp_pkey_st> key);

  std::shared_ptr<evp_pkey_st> key_;
  PublicKey public_key_;
};

}  // namespace weir
