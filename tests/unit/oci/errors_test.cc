#include "oci/errors.h"

#include "base/json.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {
constexpr ErrorCode kAll[] = {
#define ERROR(code, status, message) ErrorCode::code,
#include "oci/errors.tbl"
#undef ERROR
};
}  // namespace

TEST_CASE("every code's answer is JSON with its code and its message") {
  for (const auto code : kAll) {
    const auto json = Json::parse(error_body(code, "why"));
    REQUIRE(json.ok());
    const auto errors = json->at("errors");
    REQUIRE((errors && errors->items().size() == 1));
    const auto error = errors->items()[0];
    CHECK(error.string_at("code") == error_code_name(code));
    CHECK_FALSE(error.string_at("message").value_or("").empty());
    CHECK(error.string_at("detail") == "why");
    CHECK(default_status(code) >= 400);
    CHECK(default_status(code) < 600);
  }
}

TEST_CASE("a detail is left out when there is none, and escaped when there is") {
  CHECK(error_body(ErrorCode::BLOB_UNKNOWN, "").find("detail") == std::string::npos);
  const auto json = Json::parse(error_body(ErrorCode::UNKNOWN, "a\"b\nc\xff"));
  REQUIRE(json.ok());
  CHECK(json->at("errors")->items()[0].string_at("detail") == "a\"b\nc\xef\xbf\xbd");
}

TEST_CASE("a refusal says why in its message, which is all that some clients show") {
  const auto json = Json::parse(error_body(ErrorCode::DENIED, "rule x"));
  CHECK(json->at("errors")->items()[0].string_at("message") == "rule x");
  CHECK_FALSE(Json::parse(error_body(ErrorCode::DENIED, ""))->at("errors")->items()[0].string_at("message")->empty());
}

TEST_CASE("the codes clients look for have the status of the specification") {
  CHECK(default_status(ErrorCode::BLOB_UNKNOWN) == 404);
  CHECK(default_status(ErrorCode::MANIFEST_UNKNOWN) == 404);
  CHECK(default_status(ErrorCode::NAME_INVALID) == 400);
  CHECK(default_status(ErrorCode::UNAUTHORIZED) == 401);
  CHECK(default_status(ErrorCode::DENIED) == 403);
  CHECK(default_status(ErrorCode::TOOMANYREQUESTS) == 429);
  CHECK(error_code_name(ErrorCode::TOOMANYREQUESTS) == "TOOMANYREQUESTS");
}
