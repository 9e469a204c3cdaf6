#include "proxy/http/proxy_protocol.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

// `command` and `transport` as in the 13th and 14th byte.
std::string proxy_header(unsigned command, unsigned transport, const std::string& body) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(transport);
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 255);
  return header + body;
}

const std::string kTcp4("\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x01\x01\xbb", 12);  // 192.0.2.7:49153 -> 198.51.100.1:443
const std::string kTcp6 = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16) + std::string(16, '\1') +
                          "\xc0\x01\x01\xbb";

// The source, `own`, `missing N`, or `bad`.
std::string read_all(const std::string& header) {
  const auto read = read_proxy_header(header);
  if (!read) {
    CHECK(read.error().side == Side::client);
    return "bad";
  }
  if (read->missing > 0) return "missing " + std::to_string(read->missing);
  return read->source.value_or("own");
}

}  // namespace

TEST_CASE("the address of a connection over TCP is the proxied client's") {
  CHECK(read_all(proxy_header(0x21, 0x11, kTcp4)) == "192.0.2.7:49153");
  CHECK(read_all(proxy_header(0x21, 0x21, kTcp6)) == "[2001:db8::7]:49153");
  const std::string mapped = std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07", 16) + kTcp6.substr(16);
  CHECK(read_all(proxy_header(0x21, 0x21, mapped)) == "192.0.2.7:49153");
  CHECK(read_all(proxy_header(0x21, 0x31, std::string(216, 'x'))) == "unix:proxied");
}

TEST_CASE("a proxy's own connection, and one it says nothing of, keep their address") {
  CHECK(read_all(proxy_header(0x20, 0x00, "")) == "own");
  CHECK(read_all(proxy_header(0x20, 0x11, kTcp4)) == "own");
  CHECK(read_all(proxy_header(0x20, 0xff, "anything")) == "own");
  CHECK(read_all(proxy_header(0x21, 0x00, "")) == "own");
  CHECK(read_all(proxy_header(0x21, 0x00, "what comes is passed over")) == "own");
}

TEST_CASE("what stands behind the addresses is passed over") {
  CHECK(read_all(proxy_header(0x21, 0x11,
                              kTcp4 + std::string("\x03\x00\x04"
                                                  "abcd",
                                                  7))) == "192.0.2.7:49153");
  CHECK(read_all(proxy_header(0x21, 0x21, kTcp6 + std::string(1000, '\xee'))) == "[2001:db8::7]:49153");
}

TEST_CASE("a header comes in pieces, and no more is asked for than belongs to it") {
  const auto header = proxy_header(0x21, 0x11, kTcp4 + "tlv");
  std::string so_far;
  for (std::size_t taken = 0;;) {
    const auto read = read_proxy_header(so_far);
    REQUIRE(read.ok());
    if (read->missing == 0) break;
    CHECK(taken + read->missing <= header.size());
    so_far += header[taken++];
  }
  CHECK(so_far == header);
  CHECK(read_all("") == "missing 16");
  CHECK(read_all(header.substr(0, 15)) == "missing 1");
  CHECK(read_all(header.substr(0, 16)) == "missing 15");
}

TEST_CASE("what is no such header is known as soon as it can be") {
  CHECK(read_all("G") == "bad");
  CHECK(read_all("\x16\x03\x01") == "bad");
  CHECK(read_all("\r\n\r\nG") == "bad");
  CHECK(read_all("PROXY TCP4 192.0.2.7 198.51.100.1 49153 443\r\n") == "bad");  // version 1
  for (unsigned command : {0x00u, 0x01u, 0x10u, 0x11u, 0x22u, 0x2fu, 0x31u, 0xffu})
    CHECK(read_all(kSignature + static_cast<char>(command)) == "bad");
}

TEST_CASE("datagrams, unknown families and addresses that are cut off are refused") {
  for (unsigned transport : {0x12u, 0x22u, 0x32u, 0x01u, 0x02u, 0x10u, 0x13u, 0x41u, 0xffu})
    CHECK(read_all(proxy_header(0x21, transport, std::string(216, '\1'))) == "bad");
  CHECK(read_all(proxy_header(0x21, 0x11, kTcp4.substr(0, 11))) == "bad");
  CHECK(read_all(proxy_header(0x21, 0x21, kTcp6.substr(0, 35))) == "bad");
  CHECK(read_all(proxy_header(0x21, 0x31, std::string(215, 'x'))) == "bad");
}

TEST_CASE("a header that would not end is refused by its length alone") {
  CHECK(read_all(proxy_header(0x21, 0x11, kTcp4 + std::string(2032 - 12, '\0'))) == "192.0.2.7:49153");
  CHECK(read_all(proxy_header(0x21, 0x11, kTcp4 + std::string(2033 - 12, '\0'))) == "bad");
  CHECK(read_all(kSignature + std::string("\x20\x00\xff\xff", 4)) == "bad");
}
