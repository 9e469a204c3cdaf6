#include "base/certificate_name.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace weir {
namespace {

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

// Nothing for what could be taken for another name where it is shown or compared.
std::optional<std::string> plain(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return std::nullopt;
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  }
  if (name.empty()) return std::nullopt;
  return name;
}

std::optional<std::string> common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return std::nullopt;
  return plain(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
}

std::optional<std::string> alternative_name(const X509* certificate, int type, bool alone) {
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return std::nullopt;
  const ASN1_STRING* found = nullptr;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != type) continue;
    if (found) return alone ? std::nullopt : plain(found);
    found = type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
  }
  return found ? plain(found) : std::nullopt;
}

}  // namespace

std::optional<std::string> name_in_certificate(const x509_st* certificate, CertificateName kind) {
  // 0 is an error; else the sign of the time's distance from now.
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0 || X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
    return std::nullopt;
  switch (kind) {
    case CertificateName::common_name: return common_name(certificate);
    case CertificateName::uri: return alternative_name(certificate, GEN_URI, true);
    case CertificateName::dns: return alternative_name(certificate, GEN_DNS, false);
  }
  return std::nullopt;
}

}  // namespace weir
