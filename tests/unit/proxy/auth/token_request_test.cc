#include "proxy/auth/token_request.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

std::string failure_name_of(const Result<TokenRequest>& request) {
  return request ? "ok" : failure_name(request.error().failure);
}

// `SERVICE|SCOPE SCOPE|offline`, or the failure's name.
std::string queried(std::string_view query) {
  const auto request = parse_token_query(query);
  if (!request) return failure_name_of(request);
  std::string text = request->service + '|';
  for (const auto& scope : request->scopes) text += scope.text() + ' ';
  return text + (request->offline ? "|offline" : "|");
}

}  // namespace

TEST_CASE("what docker, containerd and skopeo ask for") {
  CHECK(queried("account=alice&client_id=docker&offline_token=true&service=weir") == "weir||offline");
  CHECK(queried("scope=repository%3Alibrary%2Falpine%3Apull&service=weir") == "weir|repository:library/alpine:pull |");
  CHECK(queried("scope=repository:a:pull&scope=repository:b:pull,push&service=weir.test%3A5000") ==
        "weir.test:5000|repository:a:pull repository:b:pull,push |");
  CHECK(queried("scope=repository%3Aa%3Apull+repository%3Ab%3Apull") == "|repository:a:pull repository:b:pull |");
  CHECK(queried("scope=repository%3Aa%3Apull%20repository%3Ab%3Apull") == "|repository:a:pull repository:b:pull |");
  CHECK(queried("") == "||");
  CHECK(queried("offline_token=false") == "||");
  CHECK(queried("scope=") == "||");
}

TEST_CASE("a query that cannot be understood is refused") {
  CHECK(queried("service=%zz") == "invalid");
  CHECK(queried("%=") == "invalid");
  CHECK(queried("service=a&service=b") == "invalid");
  CHECK(queried("scope=repository:a:b:pull") == "invalid");
  CHECK(queried("scope=nonsense") == "invalid");
  std::string many = "scope=repository:a:pull";
  for (int i = 0; i < 32; ++i) many += "&scope=repository:a:pull";
  CHECK(queried(many) == "too_large");
}

TEST_CASE("a form proves who asks by a password or by a token") {
  const auto password = parse_token_form(
      "grant_type=password&service=weir&client_id=x&access_type=offline&username=al%69ce&password=a+b%26c%2B&scope=repository:a:"
      "pull");
  REQUIRE(password.ok());
  CHECK(password->proof == TokenRequest::Proof::password);
  CHECK(password->username == "alice");
  CHECK(password->password == "a b&c+");
  CHECK(password->offline);
  CHECK(password->scopes.size() == 1);
  const auto refresh = parse_token_form("refresh_token=abc.def.ghi&grant_type=refresh_token");
  REQUIRE(refresh.ok());
  CHECK(refresh->proof == TokenRequest::Proof::refresh_token);
  CHECK(refresh->refresh_token == "abc.def.ghi");
  CHECK_FALSE(refresh->offline);
}

TEST_CASE("another kind of grant, and a form without end, are refused") {
  CHECK(failure_name_of(parse_token_form("")) == "unsupported");
  CHECK(failure_name_of(parse_token_form("grant_type=authorization_code&code=x")) == "unsupported");
  CHECK(failure_name_of(parse_token_form("grant_type=password&grant_type=refresh_token")) == "invalid");
  CHECK(failure_name_of(parse_token_form("grant_type=password&password=a&password=b")) == "invalid");
  CHECK(failure_name_of(parse_token_form("grant_type=password&password=" + std::string(65 << 10, 'a'))) == "too_large");
}
