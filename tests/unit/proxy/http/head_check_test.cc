// Every shape of a request's head by which two programs can be made to disagree about where it ends.

#include "proxy/http/head_check.h"

#include <string>

#include <doctest/doctest.h>

using namespace weir;

namespace {

// What is wrong with a head of these lines after the request line, each ended by CR LF; "" when nothing is.
std::string wrong(std::string_view fields, std::string_view request_line = "GET / HTTP/1.1") {
  const char* bad = check_head(std::string(request_line) + "\r\n" + std::string(fields) + "\r\n");
  return bad ? bad : "";
}
std::string wrong_line(std::string_view request_line) { return wrong("Host: a\r\n", request_line); }

std::string ends(std::string_view bytes, std::size_t from = 0) {
  const auto found = find_head_end(bytes, from);
  if (found.bad) return "bad";
  return found.end ? std::to_string(*found.end) : "more";
}

}  // namespace

TEST_CASE("a head ends past its empty line, and not before it came") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(ends(head) == std::to_string(head.size()));
  CHECK(ends(head + "GET / HTTP/1.1\r\n\r\n") == std::to_string(head.size()));
  for (std::size_t i = 0; i < head.size(); ++i) CHECK_MESSAGE(ends(head.substr(0, i)) == "more", i);
  CHECK(ends("") == "more");
}

TEST_CASE("the end is found from wherever an earlier look stopped") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t i = 1; i <= head.size(); ++i) CHECK_MESSAGE(ends(head, i - 1) == std::to_string(head.size()), i);
}

TEST_CASE("a bare LF, a bare CR and a NUL end a head at once") {
  for (const std::string bad :
       {"GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\n", "\n", "a\rb", "GET / HTTP/1.1\r\r\n", "a\r\n\rb"})
    CHECK_MESSAGE(ends(bad) == "bad", bad);
  CHECK(ends(std::string_view("GET /\0 HTTP/1.1\r\n", 17)) == "bad");
  CHECK(ends("a\r") == "more");  // its LF may be on its way
}

TEST_CASE("a bare CR or LF is found although the looks part right before and right behind it") {
  // A later look starts one byte before where the earlier one ended.
  CHECK(ends("GET / HTTP/1.1\r\nA: b\r") == "more");
  CHECK(ends("GET / HTTP/1.1\r\nA: b\rc", 20) == "bad");
  CHECK(ends("GET / HTTP/1.1\r\nA: b\nc", 19) == "bad");
}

TEST_CASE("an ordinary head is fine") {
  CHECK(wrong("Host: a\r\n") == "");
  CHECK(wrong("Host: a\r\nContent-Length: 5\r\n") == "");
  CHECK(wrong("Host: a\r\nTransfer-Encoding: chunked\r\n") == "");
  CHECK(wrong("Host: a\r\nTransfer-Encoding: Chunked\r\n") == "");
  CHECK(wrong("host:a\r\nX: \tvalue \xc3\xa4 \t\r\nY:\r\n") == "");
  CHECK(wrong("", "GET / HTTP/1.0") == "");
  CHECK(wrong("Content-Length: 0\r\n", "POST /v2/ HTTP/1.0") == "");
  CHECK(wrong("Host: [::1]:5000\r\nAccept: a, b\r\nAccept: c\r\n") == "");
}

TEST_CASE("a request line is method, target and version with one space between") {
  for (const std::string good : {"GET / HTTP/1.1", "HEAD /v2/?a=b HTTP/1.0", "M-SEARCH * HTTP/1.1", "GET /a%20b HTTP/1.1"})
    CHECK_MESSAGE(wrong_line(good) == "", good);
  for (const std::string bad : {"",
                                "GET",
                                "GET /",
                                "GET / ",
                                " GET / HTTP/1.1",
                                "GET  / HTTP/1.1",
                                "GET /  HTTP/1.1",
                                "GET / HTTP/1.1 ",
                                "GET /a b HTTP/1.1",
                                "GET\t/ HTTP/1.1",
                                "GET /\t HTTP/1.1",
                                "GET / HTTP/1.2",
                                "GET / HTTP/2.0",
                                "GET / HTTP/0.9",
                                "GET / http/1.1",
                                "GET / HTTP/1.1x",
                                "GET / HTTP/1.10",
                                "G(T / HTTP/1.1",
                                "GET: / HTTP/1.1",
                                "GET /\x7f HTTP/1.1",
                                "GET /\x01 HTTP/1.1",
                                "GET /\xc3\xa4 HTTP/1.1",
                                "GET / HTTP/ 1.1"}) {
    CHECK_MESSAGE(wrong_line(bad) != "", bad);
  }
}

TEST_CASE("a length is given once, as a number, and never beside chunks") {
  for (const std::string bad :
       {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n", "Content-Length: -5\r\n", "Content-Length: 5 5\r\n", "Content-Length: 0x5\r\n",
        "Content-Length:\r\n", "Content-Length: five\r\n", "Content-Length: 5.0\r\n", "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\ncontent-length: 0\r\n"}) {
    CHECK_MESSAGE(wrong("Host: a\r\n" + bad) != "", bad);
  }
}

TEST_CASE("Transfer-Encoding is exactly chunked, once, on HTTP/1.1") {
  for (const std::string bad :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n", "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: \x0b"
        "chunked\r\n",
        "Transfer-Encoding: chunked\x0c\r\n"}) {
    CHECK_MESSAGE(wrong("Host: a\r\n" + bad) != "", bad);
  }
  CHECK(wrong("Host: a\r\nTransfer-Encoding: chunked\r\n", "POST / HTTP/1.0") != "");
}

TEST_CASE("HTTP/1.1 has one Host, HTTP/1.0 at most one, and it is a host") {
  CHECK(wrong("") != "");
  CHECK(wrong("Accept: a\r\n") != "");
  CHECK(wrong("Host: a\r\nHost: a\r\n") != "");
  CHECK(wrong("Host: a\r\nhOST: b\r\n") != "");
  CHECK(wrong("Host: a\r\nHost: b\r\n", "GET / HTTP/1.0") != "");
  for (const std::string bad : {"a b", "a,b", "a/b", "user@a"}) CHECK_MESSAGE(wrong("Host: " + bad + "\r\n") != "", bad);
}

TEST_CASE("header lines are not folded, have a name, and no space before the colon") {
  for (const std::string bad :
       {" folded\r\n", "\tfolded\r\n", "X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "no colon\r\n", ": no name\r\n", "X : a\r\n",
        "X\t: a\r\n", "Content-Length : 5\r\n", "Transfer-Encoding : chunked\r\n", "X Y: a\r\n", "X(Y): a\r\n", "\xc3\xa4: a\r\n",
        "X\x01: a\r\n", "\"X\": a\r\n"}) {
    CHECK_MESSAGE(wrong("Host: a\r\n" + bad) != "", bad);
    if (bad[0] != ' ' && bad[0] != '\t') CHECK_MESSAGE(wrong(bad + "Host: a\r\n") != "", bad);
  }
  CHECK(wrong(" Host: a\r\nHost: a\r\n") != "");  // right behind the request line
}

TEST_CASE("a value has no control characters") {
  for (int c = 1; c < 0x20; ++c) {
    if (c == '\t' || c == '\r' || c == '\n') continue;
    CHECK_MESSAGE(wrong("Host: a\r\nX: a" + std::string(1, static_cast<char>(c)) + "b\r\n") != "", c);
  }
  CHECK(wrong("Host: a\r\nX: a\x7f"
              "b\r\n") != "");
  CHECK(wrong("Host: a\r\nX: a\tb\r\n") == "");
}

TEST_CASE("what is no whole head is bad") {
  CHECK(check_head("") != nullptr);
  CHECK(check_head("\r\n") != nullptr);
  CHECK(check_head("GET / HTTP/1.1") != nullptr);
  CHECK(check_head("GET / HTTP/1.1\r\nHost: a") != nullptr);
}
