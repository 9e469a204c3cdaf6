#include "tests/support/tls_context.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <stdexcept>

namespace weir::testing {

namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

void require_tls(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("TLS: ") + what);
}

std::unique_ptr<BIO, FreeBio> bio_of(const std::string& pem) {
  return std::unique_ptr<BIO, FreeBio>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

void show(SSL_CTX* context, const Certificate& certificate) {
  auto pem = bio_of(certificate.certificate_pem);
  std::unique_ptr<X509, FreeX509> leaf(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
  require_tls(leaf && SSL_CTX_use_certificate(context, leaf.get()) == 1, "unusable certificate");
  auto key_pem = bio_of(certificate.key_pem);
  std::unique_ptr<EVP_PKEY, FreeKey> key(PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr));
  require_tls(key && SSL_CTX_use_PrivateKey(context, key.get()) == 1, "unusable private key");
}

void believe(SSL_CTX* context, const std::string& ca_pem) {
  auto pem = bio_of(ca_pem);
  std::unique_ptr<X509, FreeX509> root(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
  require_tls(root && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) == 1, "unusable CA");
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsContext TlsContext::server(const Certificate& certificate, const std::string& client_ca_pem) {
  return TlsContext(true, certificate, client_ca_pem);
}

TlsContext TlsContext::client(const std::string& ca_pem, const Certificate& certificate) {
  return TlsContext(false, certificate, ca_pem);
}

TlsContext::TlsContext(bool is_server, const Certificate& certificate, const std::string& ca_pem)
    : context_(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method())), verifies_peer_(!ca_pem.empty()) {
  require_tls(context_ != nullptr, "no context");
  // A peer that closes without close_notify ends the stream as it would without TLS: cutting a transfer short is
  // told from the framing of HTTP alone.
  SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Without a session ticket nothing is written after the handshake that a client which only writes would not read.
  SSL_CTX_set_num_tickets(context_.get(), 0);
  if (!certificate.certificate_pem.empty()) show(context_.get(), certificate);
  if (!ca_pem.empty()) {
    believe(context_.get(), ca_pem);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | (is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
}

}  // namespace weir::testing
