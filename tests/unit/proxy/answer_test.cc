#include "proxy/answer.h"

#include "base/json.h"
#include "tests/unit/oci/values.h"
#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// `STATUS CODE` of an error of this kind.
std::string answered(Failure failure, Side side = Side::upstream, Subject subject = Subject::blob) {
  const auto answer = error_answer({failure, side, false, "why"}, subject);
  return std::to_string(answer.status) + ' ' + std::string(error_code_name(answer.code));
}

HttpRequest with(std::vector<HttpRequest::Field> fields) {
  HttpRequest request;
  request.method = "GET";
  request.fields = std::move(fields);
  return request;
}

const std::string kDigest = some_digest().text();
const std::string kTag = '"' + kDigest + '"';

}  // namespace

TEST_CASE("what is not there is unknown by the name of what was asked for") {
  CHECK(answered(Failure::not_found, Side::upstream, Subject::blob) == "404 BLOB_UNKNOWN");
  CHECK(answered(Failure::not_found, Side::upstream, Subject::manifest) == "404 MANIFEST_UNKNOWN");
  CHECK(answered(Failure::not_found, Side::client, Subject::repository) == "404 NAME_UNKNOWN");
}

TEST_CASE("only what is not there is a 404: no fault of the disk or of the upstream ever is") {
  for (int i = 0; i <= static_cast<int>(Failure::unsupported); ++i) {
    const auto failure = static_cast<Failure>(i);
    if (failure == Failure::not_found) continue;
    for (const auto side : {Side::client, Side::upstream, Side::local}) {
      for (const auto subject : {Subject::manifest, Subject::blob, Subject::repository})
        CHECK_MESSAGE(error_answer({failure, side, false, ""}, subject).status != 404, failure_name(failure));
    }
  }
}

TEST_CASE("whose fault it is decides the status") {
  CHECK(answered(Failure::invalid, Side::client) == "400 NAME_INVALID");
  CHECK(answered(Failure::invalid, Side::upstream) == "502 UNAVAILABLE");
  CHECK(answered(Failure::corrupt, Side::upstream) == "502 UNAVAILABLE");
  CHECK(answered(Failure::corrupt, Side::local) == "500 UNAVAILABLE");
  CHECK(answered(Failure::unreachable) == "502 UNAVAILABLE");
  CHECK(answered(Failure::unavailable) == "502 UNAVAILABLE");
  CHECK(answered(Failure::refused) == "502 UNAVAILABLE");
  CHECK(answered(Failure::too_large) == "502 UNAVAILABLE");
  CHECK(answered(Failure::timeout) == "504 UNAVAILABLE");
  CHECK(answered(Failure::throttled) == "429 TOOMANYREQUESTS");
  CHECK(answered(Failure::denied) == "403 DENIED");
  CHECK(answered(Failure::unauthorized) == "403 DENIED");
  CHECK(answered(Failure::no_space, Side::local) == "507 UNAVAILABLE");
  CHECK(answered(Failure::io, Side::local) == "500 UNKNOWN");
  CHECK(answered(Failure::conflict, Side::local) == "500 UNKNOWN");
  CHECK(answered(Failure::overloaded, Side::local) == "503 UNAVAILABLE");
  CHECK(answered(Failure::cancelled, Side::local) == "503 UNAVAILABLE");
  CHECK(answered(Failure::unsupported, Side::client) == "405 UNSUPPORTED");
}

TEST_CASE("a refusal counts as denied, all else as error") {
  CHECK(error_outcome({Failure::denied, Side::upstream, false, ""}) == Outcome::denied);
  CHECK(error_outcome({Failure::unauthorized, Side::upstream, false, ""}) == Outcome::denied);
  CHECK(error_outcome({Failure::not_found, Side::upstream, false, ""}) == Outcome::error);
  CHECK(error_outcome({Failure::no_space, Side::local, false, ""}) == Outcome::error);
}

TEST_CASE("every answer names the API, and the namespace where it decided") {
  CHECK(api_head(200).text() == "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\n");
  Router::Target target;
  CHECK(api_head(200, &target).text().find("OCI-Namespace") == std::string::npos);
  target.ns = "docker.io";
  CHECK(api_head(200, &target).text().find("OCI-Namespace: docker.io\r\n") != std::string::npos);
}

TEST_CASE("an error is answered in JSON, and says when to come again and what is allowed") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    const int status = std::atoi(std::string(exchange.request().target.substr(1)).c_str());
    auto sent = co_await respond_error(exchange, ErrorCode::UNAVAILABLE, status, "a \"reason\"");
    (void)sent;
  });
  const auto client = serving.client();
  for (const int status : {400, 404, 405, 429, 500, 502, 503}) {
    const auto answer = client->ask(get("/" + std::to_string(status)));
    CHECK(answer.status == status);
    CHECK(answer.header("Content-Type") == "application/json");
    const auto json = Json::parse(answer.body);
    REQUIRE(json.ok());
    CHECK(json->at("errors")->items().at(0).string_at("detail") == "a \"reason\"");
    CHECK(answer.header("Retry-After").empty() == (status != 429 && status != 503));
    CHECK(answer.header("Allow").empty() == (status != 405));
  }
}

TEST_CASE("If-None-Match matches the digest's tag, weak or strong, in a list, or a star") {
  CHECK_FALSE(none_match(with({}), kDigest));
  for (const auto& value : {kTag, "W/" + kTag, "\"x\", " + kTag, "\"x\" ,W/" + kTag + " , \"y\"", std::string("*")})
    CHECK_MESSAGE(none_match(with({{"if-none-match", value}}), kDigest), value);
  for (const auto& value :
       {std::string(), kDigest, "\"" + kDigest, std::string("\"x\""), "w/" + kTag, "\"" + some_digest(1).text() + "\""})
    CHECK_MESSAGE(!none_match(with({{"If-None-Match", value}}), kDigest), value);
  CHECK(none_match(with({{"If-None-Match", "\"x\""}, {"If-None-Match", kTag}}), kDigest));
}

TEST_CASE("a Range counts unless If-Range names other bytes") {
  CHECK_FALSE(range_header(with({}), kDigest));
  CHECK(range_header(with({{"Range", "bytes=0-1"}}), kDigest) == "bytes=0-1");
  CHECK(range_header(with({{"Range", "bytes=0-1"}, {"If-Range", kTag}}), kDigest) == "bytes=0-1");
  for (const auto& other :
       {"W/" + kTag, std::string("\"x\""), std::string("Sun, 06 Nov 1994 08:49:37 GMT"), std::string("*"), std::string()})
    CHECK_MESSAGE(!range_header(with({{"Range", "bytes=0-1"}, {"If-Range", other}}), kDigest), other);
  CHECK_FALSE(range_header(with({{"If-Range", kTag}}), kDigest));
}
