#include "proxy/auth/jwk.h"

#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// RFC 7638 3.1.
constexpr char kExampleModulus[] =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W"
    "-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"
    "NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

std::string rsa_jwk(const std::string& more = "") {
  return R"({"kty":"RSA","e":"AQAB","n":")" + std::string(kExampleModulus) + '"' + more + '}';
}
std::string point_jwk(const std::string& more = "") {
  return R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
         R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")" +
         more + '}';
}

// The names of the keys that were taken, each followed by a blank; `-` for none.
std::string taken(const std::string& jwks) {
  const auto keys = parse_jwks(jwks);
  if (!keys) return "-";
  std::string names;
  for (const auto& key : *keys) names += (key.kid.empty() ? "?" : key.kid) + ' ';
  return names;
}
std::string set_of(const std::string& keys) { return "{\"keys\":[" + keys + "]}"; }

}  // namespace

TEST_CASE("the thumbprint of RFC 7638 3.1 comes out") {
  const auto keys = parse_jwks(set_of(rsa_jwk(R"(,"alg":"RS256","kid":"2011-04-29")")));
  REQUIRE(keys.ok());
  CHECK(keys->at(0).kid == "2011-04-29");
  CHECK(thumbprint(keys->at(0).key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST_CASE("of a set the keys that can verify are taken, and the others passed over") {
  CHECK(taken(set_of(rsa_jwk(R"(,"kid":"a")") + ',' + point_jwk(R"(,"kid":"b","use":"sig","alg":"ES256")") + ',' + rsa_jwk())) ==
        "a b ? ");
  for (const auto& other :
       {std::string(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"),
        std::string(R"({"kty":"oct","k":"c2VjcmV0"})"), rsa_jwk(R"(,"use":"enc")"), rsa_jwk(R"(,"alg":"PS256")"),
        point_jwk(R"(,"alg":"HS256")"), std::string(R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})"),
        std::string(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"), std::string("7"), std::string("{}")}) {
    CHECK(taken(set_of(other)) == "-");
    CHECK(taken(set_of(other + ',' + point_jwk(R"(,"kid":"good")"))) == "good ");
  }
}

TEST_CASE("what is no set of keys is an error, and a set without end has one") {
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", "no JSON", "{\"keys\":[[[[[[[[[[[[[[[[[[[["}) {
    CHECK_MESSAGE(taken(text) == "-", text);
  }
  std::string many = point_jwk();
  for (int i = 0; i < 99; ++i) many += ',' + point_jwk();
  CHECK(parse_jwks(set_of(many))->size() == 64);
}

TEST_CASE("a set that is written is read again, and says nothing of private keys") {
  const auto one = PrivateKey::generate(), other = PrivateKey::generate();
  const auto rsa = parse_jwks(set_of(rsa_jwk()));
  REQUIRE(rsa.ok());
  const auto text = jwks_document({{"a", one.public_key()}, {"b", other.public_key()}, {"c", rsa->at(0).key}});
  const auto keys = parse_jwks(text);
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 3);
  CHECK(keys->at(1).kid == "b");
  CHECK(keys->at(1).key.verify("m", other.sign("m")));
  CHECK(thumbprint(keys->at(0).key) == thumbprint(one.public_key()));
  CHECK(thumbprint(keys->at(2).key) == thumbprint(rsa->at(0).key));
  CHECK(text.find("\"d\"") == std::string::npos);
}
