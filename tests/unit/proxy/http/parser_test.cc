#include "proxy/http/parser.h"

#include "proxy/http/head_check.h"

#include <doctest/doctest.h>

using namespace weir;
using Body = HttpRequest::Body;

namespace {

// Null when it is refused.
std::unique_ptr<HttpRequest> parsed(std::string_view head) {
  auto request = parse_request_head(head);
  if (request) return *std::move(request);
  CHECK(request.error().failure == Failure::invalid);
  CHECK(request.error().side == Side::client);
  return nullptr;
}

std::unique_ptr<HttpRequest> request_of(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
  auto request = parsed(std::string(line) + "\r\nHost: weir\r\n" + std::string(fields) + "\r\n");
  REQUIRE_MESSAGE(request, line);
  return request;
}

bool refused(std::string_view head) { return parsed(head) == nullptr; }

}  // namespace

TEST_CASE("a head comes apart into method, path, query and fields") {
  const std::string head = "PUT /v2/a/b?ns=docker.io&x HTTP/1.1\r\nHost: weir:5000\r\nAccept: a\r\naccept:  b \r\nEmpty:\r\n\r\n";
  const auto request = parsed(head);
  REQUIRE(request);
  CHECK(request->method == "PUT");
  CHECK(request->target == "/v2/a/b?ns=docker.io&x");
  CHECK(request->path == "/v2/a/b");
  CHECK(request->query == "ns=docker.io&x");
  CHECK(request->minor_version == 1);
  CHECK(request->header("HOST") == "weir:5000");
  CHECK(request->header("Accept") == "a");
  CHECK(request->header_list("accept") == "a, b");
  CHECK(request->header("Empty") == "");
  CHECK_FALSE(request->header("Missing"));
  CHECK(request->header_list("Missing").empty());
  CHECK_FALSE(request->is_get());
}

TEST_CASE("a head's views stay good when the bytes it was read from are gone") {
  std::unique_ptr<HttpRequest> request;
  {
    auto bytes = std::make_unique<std::string>("GET /v2/ HTTP/1.1\r\nHost: weir\r\nUser-Agent: someone\r\n\r\n");
    auto result = parse_request_head(*bytes);
    REQUIRE(result.ok());
    request = *std::move(result);
    bytes->assign(bytes->size(), 'x');
  }
  CHECK(request->target == "/v2/");
  CHECK(request->header("User-Agent") == "someone");
}

TEST_CASE("a query may be empty or full of question marks") {
  CHECK(request_of("", "GET /? HTTP/1.1")->query.empty());
  CHECK(request_of("", "GET /a?b?c HTTP/1.1")->query == "b?c");
  CHECK(request_of("", "GET /a?b?c HTTP/1.1")->path == "/a");
}

TEST_CASE("a connection is kept on HTTP/1.1 unless told otherwise, and on HTTP/1.0 when asked") {
  CHECK(request_of("")->keep_alive);
  CHECK_FALSE(request_of("Connection: close\r\n")->keep_alive);
  CHECK_FALSE(request_of("Connection: x, Close\r\n")->keep_alive);
  CHECK_FALSE(request_of("Connection: x\r\nConnection: close\r\n")->keep_alive);
  CHECK_FALSE(request_of("", "GET / HTTP/1.0")->keep_alive);
  CHECK(request_of("Connection: keep-alive\r\n", "GET / HTTP/1.0")->keep_alive);
  CHECK(request_of("", "GET / HTTP/1.0")->minor_version == 0);
}

TEST_CASE("a body has a length, chunks, or is not there") {
  CHECK(request_of("")->body == Body::none);
  CHECK(request_of("Content-Length: 0\r\n", "POST / HTTP/1.1")->body == Body::none);
  const auto sized = request_of("Content-Length: 18446744073709551615\r\n", "POST / HTTP/1.1");
  CHECK(sized->body == Body::length);
  CHECK(sized->content_length == UINT64_MAX);
  CHECK(request_of("Content-Length: 007\r\n", "POST / HTTP/1.1")->content_length == 7);
  CHECK(request_of("Content-Length: 5\r\n")->body == Body::length);  // a GET with a body still has one
  CHECK(request_of("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1")->body == Body::chunked);
  CHECK(request_of("", "POST / HTTP/1.0")->body == Body::none);
}

TEST_CASE("100-continue is waited for only where there is a body, on HTTP/1.1") {
  CHECK(request_of("Expect: 100-continue\r\nContent-Length: 5\r\n", "POST / HTTP/1.1")->expect_continue);
  CHECK(request_of("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "POST / HTTP/1.1")->expect_continue);
  CHECK_FALSE(request_of("Expect: 100-continue\r\n")->expect_continue);
  CHECK_FALSE(request_of("Expect: 100-continue\r\nContent-Length: 5\r\n", "POST / HTTP/1.0")->expect_continue);
  CHECK(refused("POST / HTTP/1.1\r\nHost: a\r\nExpect: something\r\nContent-Length: 5\r\n\r\n"));
}

TEST_CASE("a target that is not a path is refused") {
  for (const std::string target : {"http://example.com/", "example.com:443", "*", "v2/", "?a"})
    CHECK_MESSAGE(refused("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"), target);
}

TEST_CASE("what head_check refuses never reaches the parser") {
  for (const std::string bad : {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                                "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
                                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
                                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    CHECK_MESSAGE(refused(bad), bad);
  }
}

TEST_CASE("a head of 32 KiB is read, with as many fields as fit") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (head.size() + 6 <= kMostHeadBytes - 10) head += "A: b\r\n";
  head += "X: " + std::string(kMostHeadBytes - head.size() - 7, 'x') + "\r\n\r\n";
  REQUIRE(head.size() == kMostHeadBytes);
  const auto request = parsed(head);
  REQUIRE(request);
  CHECK(request->fields.size() > 5000);
}

TEST_CASE("one long field of almost 32 KiB is read") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nCookie: ";
  head += std::string(kMostHeadBytes - head.size() - 4, 'c') + "\r\n\r\n";
  REQUIRE(head.size() == kMostHeadBytes);
  CHECK_FALSE(refused(head));
}

TEST_CASE("HEAD counts as GET, and a method's case matters") {
  CHECK(request_of("", "HEAD / HTTP/1.1")->is_head());
  CHECK(request_of("", "HEAD / HTTP/1.1")->is_get());
  CHECK(request_of("")->is_get());
  CHECK_FALSE(request_of("", "get / HTTP/1.1")->is_get());
  CHECK(request_of("", "REPORT / HTTP/1.1")->method == "REPORT");
}
