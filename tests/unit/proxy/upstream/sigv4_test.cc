// The judge of signatures that other tests stand on, against values that AWS has published: the example of the IAM User Guide and
// those of the Signature Version 4 test suite that a client of ours could meet.
#include "tests/support/sigv4.h"

#include <doctest/doctest.h>

using namespace weir::testing;

namespace {

const AwsKey kSuiteKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
constexpr std::int64_t kSuiteTime = 1'440'938'160;  // 2015-08-30T12:36:00Z

struct Vector {
  const char* name;
  const char* region;
  const char* service;
  SignedRequest request;
  const char* signed_headers;
  const char* signature;
};

std::vector<Vector> vectors() {
  const std::pair<std::string, std::string> host{"Host", "example.amazonaws.com"}, date{"X-Amz-Date", "20150830T123600Z"};
  return {
      {"get-vanilla",
       "us-east-1",
       "service",
       {"GET", "/", {host, date}, ""},
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-query-order-key-case",
       "us-east-1",
       "service",
       {"GET", "/?Param2=value2&Param1=value1", {host, date}, ""},
       "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-header-value-trim",
       "us-east-1",
       "service",
       {"GET", "/", {host, {"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}, date}, ""},
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla",
       "us-east-1",
       "service",
       {"POST", "/", {host, date}, ""},
       "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-x-www-form-urlencoded",
       "us-east-1",
       "service",
       {"POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}, host, date}, "Param1=value1"},
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"ListUsers",
       "us-east-1",
       "iam",
       {"GET",
        "/?Action=ListUsers&Version=2010-05-08",
        {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, {"Host", "iam.amazonaws.com"}, date},
        ""},
       "content-type;host;x-amz-date",
       "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
  };
}

SignedRequest with_authorization(const Vector& vector) {
  auto request = vector.request;
  request.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/" + std::string(vector.region) +
                                                    '/' + vector.service + "/aws4_request, SignedHeaders=" + vector.signed_headers +
                                                    ", Signature=" + vector.signature);
  return request;
}

}  // namespace

TEST_CASE("the published signatures are right, and every one with another byte is wrong") {
  for (const auto& vector : vectors()) {
    INFO(std::string(vector.name));
    auto request = with_authorization(vector);
    CHECK(check_sigv4(request, kSuiteKey, vector.region, vector.service, kSuiteTime) == "");
    CHECK(check_sigv4(request, kSuiteKey, vector.region, vector.service, kSuiteTime + 300) == "");
    request.headers.back().second.back() ^= 1;
    CHECK(check_sigv4(request, kSuiteKey, vector.region, vector.service, kSuiteTime) == "signature does not match");
  }
}

TEST_CASE("a signature is for one body, target, host, key, region, service and five minutes") {
  const auto vector = vectors()[4];
  const auto good = with_authorization(vector);
  const auto judged = [&](auto change, const AwsKey& key = kSuiteKey, std::int64_t now = kSuiteTime) {
    auto request = good;
    change(request);
    return check_sigv4(request, key, "us-east-1", "service", now);
  };
  const auto as_it_is = [](SignedRequest&) {};
  CHECK(judged(as_it_is).empty());
  CHECK(judged([](SignedRequest& request) { request.body += "x"; }) == "signature does not match");
  CHECK(judged([](SignedRequest& request) { request.target = "/x"; }) == "signature does not match");
  CHECK(judged([](SignedRequest& request) { request.method = "GET"; }) == "signature does not match");
  CHECK(judged([](SignedRequest& request) { request.headers[1].second = "example.com"; }) == "signature does not match");
  CHECK(judged([](SignedRequest& request) { request.headers.pop_back(); }) == "not signed");
  CHECK(judged([](SignedRequest& request) { request.headers.emplace_back("X-Amz-Target", "x"); }) ==
        "x-amz-target is not signed");
  CHECK(judged([](SignedRequest& request) { request.headers[0].first = "X-Other"; }) == "content-type is signed and not there");
  CHECK(judged([](SignedRequest& request) { request.headers[2].second = "yesterday"; }) == "no X-Amz-Date");
  CHECK(judged(as_it_is, kSuiteKey, kSuiteTime + 301) == "signature expired");
  CHECK(judged(as_it_is, kSuiteKey, kSuiteTime - 301) == "signature expired");
  CHECK(judged(as_it_is, {"AKIDEXAMPLE", "another", ""}) == "signature does not match");
  CHECK(judged(as_it_is, {"AKIDEXAMPLE", kSuiteKey.secret, "session"}) == "another session token");
  CHECK(judged(as_it_is, {"AKIDOTHER", kSuiteKey.secret, ""}).starts_with("another key"));
  CHECK(check_sigv4(good, kSuiteKey, "us-east-1", "ecr", kSuiteTime).starts_with("another key, day, region or service"));
  CHECK(check_sigv4(good, kSuiteKey, "us-east-2", "service", kSuiteTime).starts_with("another key, day, region or service"));
}
