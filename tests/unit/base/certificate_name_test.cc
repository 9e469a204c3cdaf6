#include "base/certificate_name.h"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using Kind = CertificateName;

namespace {

struct Certificate {
  std::vector<std::string> common_names = {"node-7"};
  std::string alternatives = {};  // as OpenSSL's configuration has them
  long from = -60, until = 60;    // seconds from now

  std::string name(Kind kind) const {
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), until);
    for (const auto& common : common_names) {
      REQUIRE(X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(common.data()), static_cast<int>(common.size()),
                                         -1, 0) == 1);
    }
    if (!alternatives.empty()) {
      X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str());
      REQUIRE(names != nullptr);
      X509_add_ext(made.get(), names, -1);
      X509_EXTENSION_free(names);
    }
    return name_in_certificate(made.get(), kind).value_or("none");
  }
};

}  // namespace

TEST_CASE("each kind of name is found where it stands") {
  const Certificate certificate{
      .alternatives = "DNS:node-7.site.test,URI:spiffe://site.test/node/7,IP:192.0.2.7,email:a@site.test"};
  CHECK(certificate.name(Kind::common_name) == "node-7");
  CHECK(certificate.name(Kind::uri) == "spiffe://site.test/node/7");
  CHECK(certificate.name(Kind::dns) == "node-7.site.test");
}

TEST_CASE("one kind never stands in for another") {
  CHECK(Certificate{}.name(Kind::dns) == "none");
  CHECK(Certificate{}.name(Kind::uri) == "none");
  CHECK(Certificate{.common_names = {}, .alternatives = "DNS:node-7"}.name(Kind::common_name) == "none");
  CHECK(Certificate{.alternatives = "IP:192.0.2.7"}.name(Kind::dns) == "none");
}

TEST_CASE("of several CNs or URIs none is meant; of DNS names the first is") {
  CHECK(Certificate{.common_names = {"node-7", "admin"}}.name(Kind::common_name) == "none");
  CHECK(Certificate{.alternatives = "URI:spiffe://a/1,DNS:x,URI:spiffe://a/2"}.name(Kind::uri) == "none");
  CHECK(Certificate{.alternatives = "DNS:one.test,DNS:two.test"}.name(Kind::dns) == "one.test");
}

TEST_CASE("names are UTF-8, and none is cut off at a NUL or has a line of its own") {
  CHECK(Certificate{.common_names = {"k\xc3\xbc"
                                     "che"}}
            .name(Kind::common_name) ==
        "k\xc3\xbc"
        "che");
  CHECK(Certificate{.common_names = {std::string("admin\0.evil", 11)}}.name(Kind::common_name) == "none");
  CHECK(Certificate{.common_names = {"admin\nx"}}.name(Kind::common_name) == "none");
}

TEST_CASE("a certificate that is over or has not begun names nobody") {
  CHECK(Certificate{.from = -120, .until = -60}.name(Kind::common_name) == "none");
  CHECK(Certificate{.from = 60, .until = 120}.name(Kind::common_name) == "none");
}
