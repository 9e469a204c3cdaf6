#include "tests/support/json_web_token.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

namespace weir::testing {
namespace {

constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string decoded(std::string_view text) {
  std::string bytes;
  unsigned group = 0, bits = 0;
  for (const char c : text) {
    const auto at = std::string_view(kLetters, 64).find(c);
    if (at == std::string_view::npos) return {};
    group = group << 6 | static_cast<unsigned>(at);
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  return bytes;
}

template <typename Write>
std::string text_of(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  const bool good = write(bio) == 1;
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  if (!good) throw std::runtime_error("no PEM was written");
  return text;
}

std::string number_of(const EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) throw std::runtime_error("a key without numbers");
  std::string bytes(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(number)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  BN_free(number);
  return bytes;
}

// r and s side by side.
std::string raw_signature(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32);
  ECDSA_SIG_free(signature);
  return raw;
}

std::string part(const std::string& token, int index) {
  std::size_t begin = 0;
  for (int i = 0; i < index; ++i) begin = token.find('.', begin) + 1;
  return decoded(std::string_view(token).substr(begin, token.find('.', begin) - begin));
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text;
  unsigned group = 0, bits = 0;
  for (const char c : bytes) {
    group = group << 8 | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) text += kLetters[group >> (bits -= 6) & 63];
  }
  if (bits > 0) text += kLetters[group << (6 - bits) & 63];
  return text;
}

SigningKey::SigningKey(evp_pkey_st* key) : key_(key, EVP_PKEY_free) {
  if (!key) throw std::runtime_error("no key");
}

SigningKey SigningKey::elliptic() { return SigningKey(EVP_EC_gen("P-256")); }
SigningKey SigningKey::rsa() { return SigningKey(EVP_RSA_gen(2048)); }

SigningKey SigningKey::from_pem(const std::string& text) {
  BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return SigningKey(key);
}

std::string SigningKey::pem() const {
  return text_of([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string SigningKey::public_pem() const {
  return text_of([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key_.get()); });
}

std::string SigningKey::jwk(const std::string& kid) const {
  const auto* key = key_.get();
  const std::string name = ",\"kid\":\"" + kid + "\"}";
  if (EVP_PKEY_is_a(key, "RSA") == 1)
    return R"({"kty":"RSA","n":")" + base64url(number_of(key, OSSL_PKEY_PARAM_RSA_N)) + R"(","e":")" +
           base64url(number_of(key, OSSL_PKEY_PARAM_RSA_E)) + '"' + name;
  return R"({"kty":"EC","crv":"P-256","x":")" + base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)) + R"(","y":")" +
         base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)) + '"' + name;
}

std::string SigningKey::sign(const std::string& header_json, const std::string& payload_json) const {
  const auto message = base64url(header_json) + '.' + base64url(payload_json);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 512;
  std::string signature(size, '\0');
  const bool good = EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                                   reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  EVP_MD_CTX_free(context);
  if (!good) throw std::runtime_error("nothing was signed");
  signature.resize(size);
  if (EVP_PKEY_is_a(key_.get(), "EC") == 1) signature = raw_signature(signature);
  return message + '.' + base64url(signature);
}

std::string sign_with_secret(const std::string& header_json, const std::string& payload_json, const std::string& secret) {
  const auto message = base64url(header_json) + '.' + base64url(payload_json);
  unsigned char code[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(message.data()),
       message.size(), code, &size);
  return message + '.' + base64url(std::string_view(reinterpret_cast<const char*>(code), size));
}

std::string payload_of(const std::string& token) { return part(token, 1); }

std::string kid_of(const std::string& token) {
  const auto header = part(token, 0);
  const std::string mark = "\"kid\":\"";
  const auto at = header.find(mark);
  if (at == std::string::npos) return {};
  return header.substr(at + mark.size(), header.find('"', at + mark.size()) - at - mark.size());
}

}  // namespace weir::testing
