#include "proxy/auth/authorization.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace weir;

namespace {

// `basic NAME|PASSWORD`, `bearer TOKEN`, or the failure.
std::string read_header(std::string_view value) {
  const auto read = parse_authorization(value);
  if (!read) {
    CHECK(read.error().side == Side::client);
    return failure_name(read.error().failure);
  }
  if (const auto* basic = std::get_if<BasicCredentials>(&*read)) return "basic " + basic->name + '|' + basic->password;
  return "bearer " + std::get<BearerToken>(*read).token;
}

std::string basic(std::string_view text) { return read_header("Basic " + to_base64(text)); }

}  // namespace

TEST_CASE("the examples of RFC 7617 and RFC 6750") {
  CHECK(read_header("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == "basic Aladdin|open sesame");
  CHECK(read_header("Basic dGVzdDoxMjPCow==") == "basic test|123\xc2\xa3");
  CHECK(read_header("Bearer mF_9.B5f-4.1JqM") == "bearer mF_9.B5f-4.1JqM");
}

TEST_CASE("the scheme has no case, and any number of blanks comes behind it") {
  CHECK(read_header("bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == "basic Aladdin|open sesame");
  CHECK(read_header("BEARER  a.b.c ") == "bearer a.b.c");
}

TEST_CASE("the first colon ends the name; the password may have more") {
  CHECK(basic("a:b:c:") == "basic a|b:c:");
  CHECK(basic(":x") == "basic |x");
  CHECK(basic("x:") == "basic x|");
  CHECK(basic(":") == "basic |");
  CHECK(basic("nobody") == "invalid");
  CHECK(basic("") == "invalid");
}

TEST_CASE("bytes that are no UTF-8 are taken as they are") { CHECK(basic("m\xfcller:\xff\xfe") == "basic m\xfcller|\xff\xfe"); }

TEST_CASE("control characters are no part of names and passwords") {
  for (const std::string bad : {"a\n:b", "a:b\r", "a:\x7f", "a:\tb"}) CHECK(basic(bad) == "invalid");
  CHECK(basic(std::string("a:b\0c", 5)) == "invalid");
}

TEST_CASE("base64 has one spelling") {
  CHECK(read_header("Basic YTpi") == "basic a|b");
  for (const char* bad : {"Basic YTpi=", "Basic YTpi====", "Basic YT pi", "Basic YTp", "Basic YTo", "Basic YTpp_w==", "Basic YTp-",
                          "Basic YTo=YTo=", "Basic YTp=", "Basic YQ=9", "Basic YTpi\n", "Basic", "Basic ", "Basic ===="})
    CHECK_MESSAGE(read_header(bad) == "invalid", bad);
}

TEST_CASE("a token is token68 and not empty") {
  CHECK(read_header("Bearer aA0-._~+/==") == "bearer aA0-._~+/==");
  for (const char* bad : {"Bearer", "Bearer ", "Bearer =", "Bearer a=b", "Bearer a b", "Bearer a,b", "Bearer \"a\"",
                          "Bearer a\tb", "Bearer \xc3\xa4", "Bearer realm=\"x\""})
    CHECK_MESSAGE(read_header(bad) == "invalid", bad);
}

TEST_CASE("other schemes are not offered") {
  for (const char* other : {"", " ", "Digest a=b", "Negotiate abc", "Basi QQ==", "Basic\tYTpi", "BearerX"})
    CHECK_MESSAGE(read_header(other) == "unsupported", other);
}

TEST_CASE("an endless header is refused before it is read") {
  CHECK(read_header("Bearer " + std::string(kMostAuthorizationBytes - 7, 'a')).starts_with("bearer aaa"));
  CHECK(read_header("Bearer " + std::string(kMostAuthorizationBytes - 6, 'a')) == "too_large");
  CHECK(read_header("Basic " + std::string(1 << 20, 'A')) == "too_large");
}

TEST_CASE("what is wrong with a header does not repeat it") {
  for (const std::string& bad : {std::string("Bearer se,cret"), "Basic " + to_base64("secret"), std::string("Secret se,cret"),
                                 "Basic " + to_base64("se,cret:\n")}) {
    const auto read = parse_authorization(bad);
    REQUIRE(!read.ok());
    CHECK(read.error().what.find("cret") == std::string::npos);
    CHECK(read.error().what.find(to_base64("secret").substr(0, 4)) == std::string::npos);
  }
}
