// Certificates and keys in files: what is taken, and what is said of what is not.
#include "base/certified_key.h"

#include "tests/unit/base/certificates.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

struct Files {
  Scratch scratch;
  std::string certificate = scratch.file("site.pem"), key = scratch.file("site.key");

  Files(const std::string& certificate_text, const std::string& key_text) {
    write_file(certificate, certificate_text);
    write_file(key, key_text);
  }
  // What is wrong; empty when nothing is.
  std::string wrong() const {
    const auto loaded = CertifiedKey::load(certificate, key);
    return loaded ? "" : loaded.error().what;
  }
};

const PemPair& site() {
  static const PemPair pair = make_certificate("site.test");
  return pair;
}

}  // namespace

TEST_CASE("a certificate and its key are taken, with or without a chain, from two files or from one") {
  const auto above = make_certificate("root.test");
  CHECK(Files(site().certificate, site().key).wrong().empty());
  const Files chained("words before\n" + site().certificate + above.certificate + above.certificate, site().key);
  const auto loaded = CertifiedKey::load(chained.certificate, chained.key);
  REQUIRE(loaded.ok());
  CHECK(sk_X509_num(loaded->chain()) == 2);
  CHECK(X509_check_host(loaded->certificate(), "site.test", 0, 0, nullptr) == 1);
  const auto both = site().key + site().certificate;
  CHECK(Files(both, both).wrong().empty());
}

TEST_CASE("a key of another certificate is refused") {
  const Files files(site().certificate, make_certificate("site.test").key);
  CHECK(files.wrong() == "the key in " + files.key + " is not that of the certificate in " + files.certificate);
  const Files of_another_kind(site().certificate, make_certificate("site.test", 2048).key);
  CHECK(of_another_kind.wrong().find("is not that of the certificate in") != std::string::npos);
}

TEST_CASE("what holds no certificate or no key, or half of one, is refused") {
  CHECK(Files("nothing", site().key).wrong().find("holds no PEM certificate that can be read") != std::string::npos);
  CHECK(Files(site().certificate, site().certificate).wrong().find("holds no PEM private key that can be read") !=
        std::string::npos);
  const auto torn = site().certificate.substr(0, site().certificate.size() / 2);
  CHECK(Files(torn, site().key).wrong().find("holds no PEM certificate that can be read") != std::string::npos);
  CHECK(Files(site().certificate + torn, site().key).wrong().find("holds a certificate that cannot be read") != std::string::npos);
}

TEST_CASE("a key with a passphrase is refused, and nobody is asked for it") {
  CHECK(Files(site().certificate, locked(site().key)).wrong().find("has a passphrase") != std::string::npos);
}

TEST_CASE("a key that is too weak to be used is refused") {
  const auto weak = make_certificate("site.test", 1024);
  const Files files(weak.certificate, weak.key);
  CHECK(files.wrong() == "the certificate in " + files.certificate + " cannot be used: ee key too small");
}

TEST_CASE("a file that cannot be read is named") {
  CHECK(CertifiedKey::load("/no/such.pem", "/no/such.key").error().what.find("/no/such.pem") != std::string::npos);
}
