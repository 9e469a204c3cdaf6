#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace weir {

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>()) {
  const EVP_MD* digest = algorithm == HashAlgorithm::sha256 ? EVP_sha256() : EVP_sha512();
  MUST(state_->context != nullptr && EVP_DigestInit_ex(state_->context, digest, nullptr) == 1);
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> bytes) {
  MUST(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Hasher::update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

std::string Hasher::finish() {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  MUST(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), &size) == 1);
  digest.resize(size);
  return digest;
}

std::string hash_of(HashAlgorithm algorithm, std::string_view bytes) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

std::string keyed_hash(std::string_view key, std::string_view bytes) {
  std::string code(hash_size(HashAlgorithm::sha256), '\0');
  unsigned size = 0;
  MUST(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
             bytes.size(), reinterpret_cast<unsigned char*>(code.data()), &size) != nullptr);
  MUST(size == code.size());
  return code;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  MUST(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1);
  return bytes;
}

}  // namespace weir
