#include "base/crypto.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace weir {
namespace {

constexpr int kLeastModulusBits = 2048, kMostModulusBits = 8192;
constexpr int kMostExponentBits = 32;
constexpr char kCurve[] = "prime256v1";

// Frees what OpenSSL made.
struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

using KeyPtr = std::shared_ptr<evp_pkey_st>;
KeyPtr own(EVP_PKEY* key) { return KeyPtr(key, EVP_PKEY_free); }

Error no_key(std::string what) {
  ERR_clear_error();
  return Error{Failure::invalid, Side::local, false, std::move(what)};
}

const unsigned char* as_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* as_bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

Owned<BIGNUM> number(std::string_view big_endian) {
  return Owned<BIGNUM>(BN_bin2bn(as_bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

std::string padded(const BIGNUM* value, std::size_t size) {
  std::string bytes(size, '\0');
  MUST(BN_bn2binpad(value, as_bytes(bytes), static_cast<int>(size)) == static_cast<int>(size));
  return bytes;
}

// Nothing when the parameters make no public key.
KeyPtr public_key_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  MUST(parameters && context);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return {};
  return own(key);
}

bool on_the_curve(evp_pkey_st* key) {
  const Owned<EVP_PKEY_CTX> checker(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return checker && EVP_PKEY_public_check(checker.get()) == 1;
}

// r and s side by side (RFC 7518 3.4) as the DER that OpenSSL takes; empty when it cannot be.
std::string to_der(std::string_view raw) {
  if (raw.size() != 2 * PublicKey::kCoordinateBytes) return {};
  const Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  auto r = number(raw.substr(0, PublicKey::kCoordinateBytes)), s = number(raw.substr(PublicKey::kCoordinateBytes));
  MUST(signature && r && s && ECDSA_SIG_set0(signature.get(), r.get(), s.get()) == 1);
  (void)r.release();  // they belong to the signature
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  MUST(size > 0);
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

// Without it OpenSSL would ask at the terminal.
int no_key_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<PublicKey> PublicKey::from_point(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return no_key("a coordinate of P-256 has 32 bytes");
  std::string point("\x04");  // uncompressed (SEC 1, 2.3.3)
  point.append(x).append(y);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  MUST(builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1);
  auto key = public_key_of("EC", builder.get());
  if (!key || !on_the_curve(key.get())) return no_key("these coordinates are no point of P-256");
  return PublicKey(SignatureAlgorithm::es256, std::move(key), std::string(x), std::string(y));
}

Result<PublicKey> PublicKey::from_modulus(std::string_view modulus, std::string_view exponent) {
  while (modulus.starts_with('\0')) modulus.remove_prefix(1);
  while (exponent.starts_with('\0')) exponent.remove_prefix(1);
  if (modulus.size() > kMostModulusBits / 8 || exponent.size() > kMostExponentBits / 8)
    return no_key("an RSA key of more than 8192 bits, or with an exponent of more than 32");
  const auto n = number(modulus), e = number(exponent);
  MUST(n && e);
  if (BN_num_bits(n.get()) < kLeastModulusBits) return no_key("an RSA key of less than 2048 bits");
  if (!BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get())) return no_key("these numbers are no RSA key");
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  MUST(builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  // OpenSSL's check of a modulus asks random witnesses: the same numbers would be a key now and then.
  auto key = public_key_of("RSA", builder.get());
  if (!key) return no_key("these numbers are no RSA key");
  return PublicKey(SignatureAlgorithm::rs256, std::move(key), std::string(modulus), std::string(exponent));
}

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  std::string der;
  if (algorithm_ == SignatureAlgorithm::es256) {
    der = to_der(signature);
    if (der.empty()) return false;
    signature = der;
  } else if (signature.size() != first_.size()) {
    return false;  // RFC 8017 8.2.2, step 1
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  MUST(context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  const bool good = EVP_DigestVerify(context.get(), as_bytes(signature), signature.size(), as_bytes(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<PrivateKey> PrivateKey::take(KeyPtr key) {
  char curve[32] = {};
  if (!key || EVP_PKEY_is_a(key.get(), "EC") != 1 ||
      EVP_PKEY_get_utf8_string_param(key.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, nullptr) != 1 ||
      std::string_view(curve) != kCurve)
    return no_key("no private key of P-256 without a passphrase");
  BIGNUM *x = nullptr, *y = nullptr;
  const bool known = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                     EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1;
  const Owned<BIGNUM> owned_x(x), owned_y(y);
  if (!known) return no_key("a private key that does not say its public one");
  auto public_key = PublicKey::from_point(padded(x, PublicKey::kCoordinateBytes), padded(y, PublicKey::kCoordinateBytes));
  if (!public_key) return std::move(public_key).error();
  return PrivateKey(std::move(key), *std::move(public_key));
}

PrivateKey PrivateKey::generate() {
  auto made = take(own(EVP_EC_gen(kCurve)));
  MUST(made.ok());
  return *std::move(made);
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  MUST(bio != nullptr);
  auto taken = take(own(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_key_passphrase, nullptr)));
  ERR_clear_error();
  if (!taken) return taken;
  // A file may claim any public key beside a private one.
  constexpr std::string_view kProbe = "probe";
  if (!taken->public_key().verify(kProbe, taken->sign(kProbe)))
    return no_key("a private key beside a public one that is not its own");
  return taken;
}

std::string PrivateKey::to_pem() const {
  const Owned<BIO> bio(BIO_new(BIO_s_secmem()));
  MUST(bio && PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string PrivateKey::sign(std::string_view message) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  MUST(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  std::string der(128, '\0');  // of P-256: at most 72
  std::size_t size = der.size();
  MUST(EVP_DigestSign(context.get(), as_bytes(der), &size, as_bytes(message), message.size()) == 1);
  const unsigned char* at = as_bytes(der);
  const Owned<ECDSA_SIG> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  MUST(signature != nullptr);
  return padded(ECDSA_SIG_get0_r(signature.get()), PublicKey::kCoordinateBytes) +
         padded(ECDSA_SIG_get0_s(signature.get()), PublicKey::kCoordinateBytes);
}

}  // namespace weir
