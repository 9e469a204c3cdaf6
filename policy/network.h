#pragma once
// Addresses and networks, IPv4 and IPv6, as values (RFC 4632, RFC 4291). An IPv4 address that IPv6 maps is the IPv4 address.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class IpAddress {
 public:
  static std::optional<IpAddress> parse(std::string_view text);
  // Of `10.0.0.7:1234` and `[fd00::7]:1234`, as a connection names its client; nothing for what is no such address.
  static std::optional<IpAddress> of_peer(std::string_view peer);

  bool is_v4() const noexcept { return v4_; }
  std::string text() const;

 private:
  friend class Network;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4: the first four
  bool v4_ = false;
};

class Network {
 public:
  // `10.0.0.0/8`, `fd00::/8`, or one address. Error: invalid, with the network that was probably meant where bits stand behind
  // the prefix.
  static Result<Network> parse(std::string_view text);

  bool holds(const IpAddress& address) const noexcept;

 private:
  IpAddress base_;
  unsigned prefix_ = 0;  // bits
};

}  // namespace weir
