#include "proxy/auth/jwt.h"

#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

const PrivateKey& test_key() {
  static const PrivateKey key = PrivateKey::generate();
  return key;
}

std::string token_of(const std::string& header, const std::string& payload) {
  const auto message = to_base64url(header) + '.' + to_base64url(payload);
  return message + '.' + to_base64url(test_key().sign(message));
}

constexpr char kEs256[] = R"({"alg":"ES256"})";

std::string with_payload(const std::string& payload) { return token_of(kEs256, payload); }

// `ok` or the failure's name.
std::string outcome(const Result<Jwt>& jwt) { return jwt ? "ok" : failure_name(jwt.error().failure); }
std::string outcome(const Status& status) { return status ? "ok" : failure_name(status.error().failure); }

}  // namespace

TEST_CASE("the token of RFC 7515 A.3 is read and verified") {
  const auto jwt = parse_jwt(
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  REQUIRE(jwt.ok());
  CHECK(jwt->claims.iss == "joe");
  CHECK(jwt->claims.exp == 1300819380);
  CHECK(jwt->payload.at("http://example.com/is_root")->boolean() == true);
  const auto key = PublicKey::from_point(*from_base64url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                                         *from_base64url("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  REQUIRE(key.ok());
  CHECK(verify_jwt(*jwt, *key).ok());
  CHECK(outcome(verify_jwt(*jwt, test_key().public_key())) == "denied");
  CHECK(check_times(jwt->claims, 1300819379, Seconds(0)).ok());
  CHECK(outcome(check_times(jwt->claims, 1300819380, Seconds(0))) == "timeout");
}

TEST_CASE("a token that was signed says the same when it is read") {
  Claims claims;
  claims.iss = "weir", claims.sub = "node/7", claims.jti = "x", claims.aud = {"weir"};
  claims.exp = 2000, claims.nbf = 1000, claims.iat = 1001;
  claims.access = {{"repository", "library/alpine", {"pull"}}, {"repository", "quay.io/a", {}}};
  const auto jwt = parse_jwt(sign_jwt(claims, test_key(), "the-key"));
  REQUIRE(jwt.ok());
  CHECK(jwt->algorithm == SignatureAlgorithm::es256);
  CHECK(jwt->kid == "the-key");
  CHECK(jwt->claims.iss == "weir");
  CHECK(jwt->claims.sub == "node/7");
  CHECK(jwt->claims.jti == "x");
  CHECK(jwt->claims.aud == std::vector<std::string>{"weir"});
  CHECK(jwt->claims.exp == 2000);
  CHECK(jwt->claims.nbf == 1000);
  CHECK(jwt->claims.iat == 1001);
  CHECK(jwt->claims.access == claims.access);
  CHECK(verify_jwt(*jwt, test_key().public_key()).ok());
}

TEST_CASE("no other algorithm is read, whatever the signature says (RFC 8725 3.1)") {
  const std::string payload = to_base64url(R"({"sub":"a","exp":9})");
  const auto unsigned_token = [&](const std::string& header) { return to_base64url(header) + '.' + payload + '.'; };
  CHECK(outcome(parse_jwt(unsigned_token(R"({"alg":"none"})"))) == "invalid");
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS256"})", R"({"alg":"es256"})", R"({"alg":"ES384"})",
        R"({"alg":"PS256"})", R"({"alg":["ES256"]})", R"({"alg":null})", R"({})", R"({"typ":"JWT"})"}) {
    CHECK_MESSAGE(outcome(parse_jwt(unsigned_token(header) + "AAAA")) == "invalid", header);
  }
}

TEST_CASE("a signature with one kind of key is not verified with another") {
  auto jwt = parse_jwt(token_of(R"({"alg":"RS256"})", R"({"sub":"a","exp":9})"));
  REQUIRE(jwt.ok());
  CHECK(outcome(verify_jwt(*jwt, test_key().public_key())) == "denied");
}

TEST_CASE("header parameters that must be understood are not, so the token is refused (RFC 7515 4.1.11)") {
  CHECK(outcome(parse_jwt(token_of(R"({"alg":"ES256","crit":["exp"],"exp":1})", "{}"))) == "invalid");
  CHECK(outcome(parse_jwt(token_of(R"({"alg":"ES256","crit":[]})", "{}"))) == "invalid");
  CHECK(outcome(parse_jwt(token_of(R"({"alg":"ES256","kid":7})", "{}"))) == "invalid");
  CHECK(outcome(parse_jwt(token_of(R"({"alg":"ES256","jwk":{},"x5u":"http://evil.test"})", "{}"))) == "ok");  // and ignored
}

TEST_CASE("what is no token in three parts is refused") {
  const auto good = with_payload("{}");
  CHECK(outcome(parse_jwt(good)) == "ok");
  CHECK(looks_like_jwt(good));
  const auto body = good.substr(good.find('.'));
  for (const auto& bad : {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + '.', good + ".x",
                          '.' + good, good + '=', ' ' + good, good.substr(0, good.rfind('.')), good.substr(0, good.rfind('.') + 1),
                          "e30" + body, "W10" + body, good.substr(0, good.find('.')) + ".W10" + good.substr(good.rfind('.'))}) {
    CHECK_MESSAGE(outcome(parse_jwt(bad)) == "invalid", bad);
  }
  CHECK_FALSE(looks_like_jwt("hunter2"));
  CHECK_FALSE(looks_like_jwt("a.b.c"));
}

TEST_CASE("a token of a megabyte is refused before it is looked at") {
  const std::string huge(1 << 20, 'A');
  CHECK(outcome(parse_jwt(huge)) == "too_large");
  CHECK(outcome(parse_jwt(with_payload("{\"x\":\"" + std::string(20'000, 'y') + "\"}"))) == "too_large");
  CHECK(outcome(parse_jwt(with_payload("{\"x\":\"" + std::string(10'000, 'y') + "\"}"))) == "ok");
}

TEST_CASE("claims of the wrong kind are refused") {
  for (const char* payload :
       {R"({"iss":7})", R"({"sub":null})", R"({"aud":7})", R"({"aud":[7]})", R"({"exp":"9"})", R"({"exp":1.5})", R"({"exp":-1})",
        R"({"exp":9223372036854775807})", R"({"nbf":true})", R"({"iat":[]})", R"({"access":{}})", R"({"access":[{"actions":7}]})",
        R"({"access":[{"name":["a"]}]})", R"([])", R"("x")", "{", "{}{}"}) {
    CHECK_MESSAGE(outcome(parse_jwt(with_payload(payload))) == "invalid", payload);
  }
  const auto several = parse_jwt(with_payload(R"({"aud":["a","b"]})"));
  REQUIRE(several.ok());
  CHECK(several->claims.aud == std::vector<std::string>{"a", "b"});
}

TEST_CASE("lists and names have an end") {
  std::string audiences = "\"a\"", entries = "{}";
  for (int i = 0; i < 40; ++i) audiences += ",\"a\"";
  for (int i = 0; i < 80; ++i) entries += ",{}";
  CHECK(outcome(parse_jwt(with_payload("{\"aud\":[" + audiences + "]}"))) == "invalid");
  CHECK(outcome(parse_jwt(with_payload("{\"access\":[" + entries + "]}"))) == "invalid");
  CHECK(outcome(parse_jwt(with_payload("{\"sub\":\"" + std::string(1025, 'a') + "\"}"))) == "invalid");
}

TEST_CASE("a token is good from its beginning to its end, give or take the leeway") {
  Claims claims;
  CHECK(outcome(check_times(claims, 100, Seconds(60))) == "invalid");
  claims.exp = 200;
  CHECK(check_times(claims, 100, Seconds(0)).ok());
  CHECK(check_times(claims, 199, Seconds(0)).ok());
  CHECK(outcome(check_times(claims, 200, Seconds(0))) == "timeout");
  CHECK(check_times(claims, 259, Seconds(60)).ok());
  CHECK(outcome(check_times(claims, 260, Seconds(60))) == "timeout");
  claims.nbf = 150;
  CHECK(outcome(check_times(claims, 149, Seconds(0))) == "denied");
  CHECK(check_times(claims, 150, Seconds(0)).ok());
  CHECK(check_times(claims, 90, Seconds(60)).ok());
  claims.nbf.reset();
  claims.iat = 150;
  CHECK(outcome(check_times(claims, 149, Seconds(0))) == "denied");
}
