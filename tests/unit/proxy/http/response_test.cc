#include "proxy/http/response.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("a head is its status line and its headers") {
  ResponseHead head(206);
  head.add("Content-Type", "text/plain").add("Age", 5).add("Size", UINT64_MAX);
  CHECK(head.status() == 206);
  CHECK(head.text() == "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\nAge: 5\r\nSize: 18446744073709551615\r\n");
}

TEST_CASE("no value ends its header, whatever is in it") {
  ResponseHead head(200);
  head.add("X", "a\r\nEvil: yes\r\n\r\nbody");
  CHECK(head.text() == "HTTP/1.1 200 OK\r\nX: a  Evil: yes    body\r\n");
  ResponseHead controls(200);
  controls.add("X", std::string_view("\0\x01\x1f\x7f\t\n", 6));
  CHECK(controls.text() == "HTTP/1.1 200 OK\r\nX: " + std::string(6, ' ') + "\r\n");
  ResponseHead utf8(200);
  utf8.add("X", "\xc3\xa4\xff");
  CHECK(utf8.text() == "HTTP/1.1 200 OK\r\nX: \xc3\xa4\xff\r\n");
}

TEST_CASE("a reason of one's own replaces the usual one, and cannot end the line") {
  CHECK(ResponseHead(200, "Fine").text() == "HTTP/1.1 200 Fine\r\n");
  CHECK(ResponseHead(200, "a\r\nEvil: yes").text() == "HTTP/1.1 200 a  Evil: yes\r\n");
}

TEST_CASE("every status weir answers with has a phrase, any other has one too") {
  for (const int status : {200, 204, 206, 304, 400, 401, 403, 404, 405, 408, 413, 416, 429, 431, 500, 502, 503, 504, 507}) {
    CHECK_MESSAGE(reason_phrase(status) != "Status", status);
    CHECK_MESSAGE(!reason_phrase(status).empty(), status);
  }
  CHECK_FALSE(reason_phrase(299).empty());
  CHECK(reason_phrase(404) == "Not Found");
}
