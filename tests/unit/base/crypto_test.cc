#include "base/crypto.h"

#include "base/text.h"
#include "tests/unit/base/certificates.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

std::string bytes_of(std::string_view base64url) { return from_base64url(base64url).value_or(""); }

// RFC 7515, appendix A.2 and A.3: the keys, what was signed, and the signatures.
constexpr char kSignedClaims[] = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr char kModulus[] =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRP"
    "EwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qC"
    "o5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
constexpr char kRsaSignature[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB"
    "YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf"
    "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr char kX[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr char kY[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr char kEcSignature[] = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

const std::string kRsaMessage = std::string("eyJhbGciOiJSUzI1NiJ9.") + kSignedClaims;
const std::string kEcMessage = std::string("eyJhbGciOiJFUzI1NiJ9.") + kSignedClaims;

}  // namespace

TEST_CASE("the RS256 signature of RFC 7515 A.2 is good, and that of anything else is not") {
  const auto key = PublicKey::from_modulus(bytes_of(kModulus), bytes_of("AQAB"));
  REQUIRE(key.ok());
  CHECK(key->algorithm() == SignatureAlgorithm::rs256);
  auto signature = bytes_of(kRsaSignature);
  CHECK(key->verify(kRsaMessage, signature));
  CHECK_FALSE(key->verify(kRsaMessage + ' ', signature));
  CHECK_FALSE(key->verify(kRsaMessage, std::string(1, '\0') + signature));
  CHECK_FALSE(key->verify(kRsaMessage, signature.substr(1)));
  CHECK_FALSE(key->verify(kRsaMessage, ""));
  signature.back() = static_cast<char>(signature.back() ^ 1);
  CHECK_FALSE(key->verify(kRsaMessage, signature));
}

TEST_CASE("the ES256 signature of RFC 7515 A.3 is good, and that of anything else is not") {
  const auto key = PublicKey::from_point(bytes_of(kX), bytes_of(kY));
  REQUIRE(key.ok());
  CHECK(key->algorithm() == SignatureAlgorithm::es256);
  auto signature = bytes_of(kEcSignature);
  CHECK(key->verify(kEcMessage, signature));
  CHECK_FALSE(key->verify(kRsaMessage, signature));
  CHECK_FALSE(key->verify(kEcMessage, signature + '\0'));
  CHECK_FALSE(key->verify(kEcMessage, signature.substr(0, 63)));
  CHECK_FALSE(key->verify(kEcMessage, ""));
  CHECK_FALSE(key->verify(kEcMessage, std::string(64, '\0')));  // r and s of zero verify nothing
  CHECK_FALSE(key->verify(kEcMessage, std::string(64, '\xff')));
  signature.front() = static_cast<char>(signature.front() ^ 1);
  CHECK_FALSE(key->verify(kEcMessage, signature));
}

TEST_CASE("what was signed is verified by the key's public half alone") {
  const auto key = PrivateKey::generate(), other = PrivateKey::generate();
  CHECK(key.public_key().first() != other.public_key().first());
  for (const std::string message : {"", "x", "a longer message"}) {
    const auto signature = key.sign(message);
    CHECK(signature.size() == 64);
    CHECK(key.public_key().verify(message, signature));
    CHECK_FALSE(other.public_key().verify(message, signature));
  }
  const auto again = PublicKey::from_point(key.public_key().first(), key.public_key().second());
  REQUIRE(again.ok());
  CHECK(again->verify("m", key.sign("m")));
}

TEST_CASE("a private key survives its PEM text") {
  const auto key = PrivateKey::generate();
  const auto read = PrivateKey::from_pem(key.to_pem());
  REQUIRE(read.ok());
  CHECK(read->public_key().first() == key.public_key().first());
  CHECK(key.public_key().verify("m", read->sign("m")));
}

TEST_CASE("only a key of P-256 without a passphrase is taken as ours") {
  const auto good = weir::testing::make_certificate("x").key;
  CHECK(PrivateKey::from_pem(good).ok());
  for (const auto& bad : std::initializer_list<std::string>{"", "no key", weir::testing::locked(good),
                                                            weir::testing::make_certificate("x", 2048).key,
                                                            weir::testing::make_certificate("x").certificate}) {
    CHECK_FALSE(PrivateKey::from_pem(bad).ok());
  }
}

TEST_CASE("numbers that make no key are refused") {
  const auto x = bytes_of(kX), y = bytes_of(kY), n = bytes_of(kModulus), e = bytes_of("AQAB");
  CHECK_FALSE(PublicKey::from_point(y, x).ok());  // off the curve
  CHECK_FALSE(PublicKey::from_point(x, x.substr(1)).ok());
  CHECK_FALSE(PublicKey::from_point(x, '\0' + y).ok());
  CHECK_FALSE(PublicKey::from_point(std::string(32, '\0'), std::string(32, '\0')).ok());
  CHECK_FALSE(PublicKey::from_point(std::string(32, '\xff'), y).ok());
  CHECK_FALSE(PublicKey::from_modulus("", e).ok());
  CHECK_FALSE(PublicKey::from_modulus(n, "").ok());
  CHECK_FALSE(PublicKey::from_modulus(n, "\x01").ok());
  CHECK_FALSE(PublicKey::from_modulus(n, "\x02").ok());
  CHECK_FALSE(PublicKey::from_modulus(n, std::string(5, '\x11')).ok());
  CHECK_FALSE(PublicKey::from_modulus(n.substr(0, 128) + '\x01', e).ok());                 // about 1024 bits
  CHECK_FALSE(PublicKey::from_modulus(n + std::string(1024, '\x55') + '\x01', e).ok());   // verifying takes long
  CHECK_FALSE(PublicKey::from_modulus(n.substr(0, 255) + '\x02', e).ok());                 // even
  CHECK(PublicKey::from_modulus(std::string(1, '\0') + n, e).ok());
}
