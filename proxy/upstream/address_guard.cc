#include "proxy/upstream/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace weir {
namespace {

bool private_v4(std::uint32_t address) {
  struct Network {
    std::uint32_t prefix;
    unsigned bits;
  };
  static constexpr Network kNetworks[] = {
      {0x00000000, 8},   // this network
      {0x0a000000, 8},   // private
      {0x64400000, 10},  // shared by carriers
      {0x7f000000, 8},   // loopback
      {0xa9fe0000, 16},  // link-local, cloud metadata
      {0xac100000, 12},  // private
      {0xc0000000, 24},  // protocol assignments
      {0xc0a80000, 16},  // private
      {0xc6120000, 15},  // benchmarks
      {0xe0000000, 3},   // multicast, reserved, broadcast
  };
  for (const auto& network : kNetworks) {
    if (address >> (32 - network.bits) == network.prefix >> (32 - network.bits)) return true;
  }
  return false;
}

}  // namespace

bool is_private_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return private_v4(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  }
  if (address->sa_family != AF_INET6) return true;
  const auto* bytes = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr;
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr std::uint8_t kTranslated[12] = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes, kMapped, 12) == 0 || std::memcmp(bytes, kTranslated, 12) == 0) {
    std::uint32_t v4;
    std::memcpy(&v4, bytes + 12, 4);
    return private_v4(ntohl(v4));
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) {  // 6to4: the IPv4 address is the next four bytes
    std::uint32_t v4;
    std::memcpy(&v4, bytes + 2, 4);
    return private_v4(ntohl(v4));
  }
  // Global unicast is 2000::/3; all else is loopback, unique-local, link-local, multicast or nothing.
  return (bytes[0] & 0xe0) != 0x20;
}

}  // namespace weir
