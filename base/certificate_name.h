#pragma once
// Who a certificate is for, as one name of it.

#include <optional>
#include <string>

struct x509_st;

namespace weir {

enum class CertificateName {
  common_name,  // CN of the subject
  uri,          // of the alternative names, such as spiffe://site/node/7
  dns,
};

// As UTF-8. Nothing when the certificate has no name of that kind, when it has several CNs or URIs, so that it would be unclear
// which is meant (of DNS names the first is), or when it is no longer or not yet valid. A name with a control character in it is
// none. Thread: any.
std::optional<std::string> name_in_certificate(const x509_st* certificate, CertificateName kind);

}  // namespace weir
