#include "tests/support/certificate_authority.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "tests/support/temporary_directory.h"

namespace weir::testing {

namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("certificate: ") + what);
}

template <typename Write>
std::string pem_text(Write&& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  require(bio && write(bio) == 1, "PEM");
  char* data = nullptr;
  auto size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

std::string certificate_text(X509* certificate) {
  return pem_text([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string key_text(EVP_PKEY* key) {
  return pem_text([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

// All that a certificate has but its extensions and its signature.
X509* new_certificate(EVP_PKEY* key, const std::string& common_name, long valid_from, long valid_until) {
  X509* certificate = X509_new();
  require(certificate && X509_set_version(certificate, 2) == 1, "version");
  std::uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "serial");
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1, "serial");
  X509_gmtime_adj(X509_getm_notBefore(certificate), valid_from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_until);
  auto text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1, "name");
  require(X509_set_pubkey(certificate, key) == 1, "key");
  return certificate;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension && X509_add_ext(certificate, extension, -1) == 1, value.c_str());
  X509_EXTENSION_free(extension);
}

std::string alternative_names(const CertificateOptions& options) {
  std::string names;
  for (const auto& name : options.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  for (const auto& address : options.addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
  return names;
}

}  // namespace

Certificate Certificate::from_files(const std::string& certificate_file, const std::string& key_file) {
  return {read_file(certificate_file), read_file(key_file)};
}

void CertificateAuthority::Free::operator()(x509_st* certificate) const { X509_free(certificate); }
void CertificateAuthority::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

CertificateAuthority::CertificateAuthority(const std::string& common_name) : key_(EVP_EC_gen("P-256")) {
  require(key_ != nullptr, "key");
  certificate_.reset(new_certificate(key_.get(), common_name, -3600, 48 * 3600));
  require(X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get())) == 1, "issuer");
  extend(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate_.get(), certificate_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(certificate_.get(), certificate_.get(), NID_subject_key_identifier, "hash");
  require(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0, "signature");
  certificate_pem_ = certificate_text(certificate_.get());
}

CertificateAuthority::~CertificateAuthority() = default;

Certificate CertificateAuthority::issue(const CertificateOptions& options) {
  std::unique_ptr<evp_pkey_st, Free> key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  std::unique_ptr<x509_st, Free> certificate(
      new_certificate(key.get(), options.common_name, options.valid_from.count(), options.valid_until.count()));
  require(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())) == 1, "issuer");
  extend(certificate.get(), certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(certificate.get(), certificate_.get(), NID_key_usage, "critical,digitalSignature");
  extend(certificate.get(), certificate_.get(), NID_ext_key_usage, options.for_client ? "clientAuth" : "serverAuth");
  extend(certificate.get(), certificate_.get(), NID_subject_key_identifier, "hash");
  extend(certificate.get(), certificate_.get(), NID_authority_key_identifier, "keyid:always");
  auto names = alternative_names(options);
  if (!names.empty()) extend(certificate.get(), certificate_.get(), NID_subject_alt_name, names);
  require(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0, "signature");
  return {certificate_text(certificate.get()), key_text(key.get())};
}

}  // namespace weir::testing
