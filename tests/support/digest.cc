#include "tests/support/digest.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace weir::testing {

namespace {

void require(int result) {
  if (result != 1) throw std::runtime_error("libcrypto refused to hash");
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) { return algorithm == Algorithm::sha256 ? "sha256" : "sha512"; }

std::string digest_of(std::string_view bytes, Algorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}

void Hasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hasher::Hasher(Algorithm algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
  require(EVP_DigestInit_ex(context_.get(), algorithm == Algorithm::sha256 ? EVP_sha256() : EVP_sha512(), nullptr));
}

void Hasher::update(std::string_view bytes) { require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

std::string Hasher::digest() const {
  // A final ends a context, so a copy of it is ended.
  std::unique_ptr<evp_md_ctx_st, Free> copy(EVP_MD_CTX_new());
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  require(EVP_MD_CTX_copy_ex(copy.get(), context_.get()));
  require(EVP_DigestFinal_ex(copy.get(), value, &size));

  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(algorithm_name(algorithm_));
  text += ':';
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[value[i] >> 4];
    text += kHex[value[i] & 15];
  }
  return text;
}

}  // namespace weir::testing
