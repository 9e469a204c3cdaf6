#include "base/certified_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file_system.h"

namespace weir {

struct CertifiedKey::State {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
  STACK_OF(X509) * chain = sk_X509_new_null();
  State() = default;
  State(const State&) = delete;
  ~State() {
    X509_free(certificate);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
  }
};

namespace {

constexpr std::size_t kMostPemBytes = 4 << 20;

Error wrong(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

// What OpenSSL said first, in its words.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_error());
  return text ? text : "no reason given";
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

std::unique_ptr<BIO, FreeBio> reader(const std::string& text) {
  ERR_clear_error();
  std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  MUST(bio != nullptr);
  return bio;
}

// Without it OpenSSL would ask at the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

Result<CertifiedKey> CertifiedKey::load(const std::string& certificate_file, const std::string& key_file) {
  const auto certificate_text = read_small_file(certificate_file, kMostPemBytes);
  if (!certificate_text) return certificate_text.error();
  const auto key_text = read_small_file(key_file, kMostPemBytes);
  if (!key_text) return key_text.error();

  auto state = std::make_shared<State>();
  const auto certificates = reader(*certificate_text);
  state->certificate = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr);
  if (!state->certificate) return wrong(certificate_file + " holds no PEM certificate that can be read: " + reason());
  while (X509* above = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) sk_X509_push(state->chain, above);
  // The end of the file is where no further block begins.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return wrong(certificate_file + " holds a certificate that cannot be read: " + reason());

  bool passphrase = false;
  const auto keys = reader(*key_text);
  state->key = PEM_read_bio_PrivateKey(keys.get(), nullptr, &no_passphrase, &passphrase);
  if (passphrase) return wrong("the key in " + key_file + " has a passphrase; nobody is here to type it");
  if (!state->key) return wrong(key_file + " holds no PEM private key that can be read: " + reason());

  ERR_clear_error();
  if (X509_check_private_key(state->certificate, state->key) != 1)
    return wrong("the key in " + key_file + " is not that of the certificate in " + certificate_file);
  // What a server would refuse to show is refused here.
  ERR_clear_error();
  const std::unique_ptr<SSL_CTX, FreeContext> trial(SSL_CTX_new(TLS_server_method()));
  MUST(trial != nullptr);
  if (SSL_CTX_use_cert_and_key(trial.get(), state->certificate, state->key, state->chain, 1) != 1)
    return wrong("the certificate in " + certificate_file + " cannot be used: " + reason());
  ERR_clear_error();
  return CertifiedKey(std::move(state));
}

bool CertifiedKey::same_as(const CertifiedKey& other) const noexcept {
  if (X509_cmp(certificate(), other.certificate()) != 0 || EVP_PKEY_eq(key(), other.key()) != 1) return false;
  if (sk_X509_num(chain()) != sk_X509_num(other.chain())) return false;
  for (int i = 0; i < sk_X509_num(chain()); ++i) {
    if (X509_cmp(sk_X509_value(chain(), i), sk_X509_value(other.chain(), i)) != 0) return false;
  }
  return true;
}

x509_st* CertifiedKey::certificate() const noexcept { return state_->certificate; }
evp_pkey_st* CertifiedKey::key() const noexcept { return state_->key; }
stack_st_X509* CertifiedKey::chain() const noexcept { return state_->chain; }

}  // namespace weir
