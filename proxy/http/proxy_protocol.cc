#include "proxy/http/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedBytes = 16;

constexpr unsigned kLocal = 0x20, kProxy = 0x21;  // version 2 and the command
constexpr unsigned kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnixStream = 0x31;
constexpr std::size_t kTcp4Bytes = 12, kTcp6Bytes = 36, kUnixBytes = 216;

Error bad_proxy_header(const char* what) {
  return Error{Failure::invalid, Side::client, false, std::string("the PROXY header ") + what};
}

unsigned octet(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
unsigned pair(std::string_view bytes, std::size_t at) { return octet(bytes, at) << 8 | octet(bytes, at + 1); }

std::string shown_address(int family, std::string_view address, unsigned port) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, address.data(), text, sizeof text);
  const auto number = ':' + std::to_string(port);
  return family == AF_INET ? text + number : '[' + std::string(text) + ']' + number;
}

// As the log has the address of a connection of our own.
std::string shown_v6(std::string_view address, unsigned port) {
  constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  if (address.starts_with(kMapped)) return shown_address(AF_INET, address.substr(kMapped.size()), port);
  return shown_address(AF_INET6, address, port);
}

Result<ProxyHeader> read_source(unsigned transport, std::string_view body) {
  switch (transport) {
    case kUnspecified: return ProxyHeader{};
    case kTcp4:
      if (body.size() < kTcp4Bytes) break;
      return ProxyHeader{0, shown_address(AF_INET, body, pair(body, 8))};
    case kTcp6:
      if (body.size() < kTcp6Bytes) break;
      return ProxyHeader{0, shown_v6(body.substr(0, 16), pair(body, 32))};
    case kUnixStream:
      if (body.size() < kUnixBytes) break;
      return ProxyHeader{0, "unix:proxied"};
    default: return bad_proxy_header("is of no stream that is served here");
  }
  return bad_proxy_header("is too short for its addresses");
}

}  // namespace

Result<ProxyHeader> read_proxy_header(std::string_view bytes) {
  const auto compared = std::min(bytes.size(), kSignature.size());
  if (bytes.substr(0, compared) != kSignature.substr(0, compared)) return bad_proxy_header("is not there");
  if (bytes.size() > kSignature.size() && octet(bytes, 12) != kLocal && octet(bytes, 12) != kProxy)
    return bad_proxy_header("is of another version or command");
  if (bytes.size() < kFixedBytes) return ProxyHeader{kFixedBytes - bytes.size(), std::nullopt};
  const std::size_t size = kFixedBytes + pair(bytes, 14);
  if (size > kMostProxyHeaderBytes) return bad_proxy_header("is longer than 2048 bytes");
  if (bytes.size() < size) return ProxyHeader{size - bytes.size(), std::nullopt};
  if (octet(bytes, 12) == kLocal) return ProxyHeader{};
  return read_source(octet(bytes, 13), bytes.substr(kFixedBytes, size - kFixedBytes));
}

}  // namespace weir
