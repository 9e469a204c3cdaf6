#include "base/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text.substr(0, INET6_ADDRSTRLEN));
  IpAddress address;
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) {
    address.v4_ = true;
    return address;
  }
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) != 1) return std::nullopt;
  if (std::equal(kMapped.begin(), kMapped.end(), address.bytes_.begin())) {
    std::copy(address.bytes_.begin() + 12, address.bytes_.end(), address.bytes_.begin());
    std::fill(address.bytes_.begin() + 4, address.bytes_.end(), 0);
    address.v4_ = true;
  }
  return address;
}

std::optional<IpAddress> IpAddress::of_peer(std::string_view peer) {
  // Whom a trusted proxy speaks for has no port.
  if (const auto whole = parse(peer)) return whole;
  const auto colon = peer.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  peer = peer.substr(0, colon);
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return parse(peer.substr(0, peer.find('%')));
}

std::string IpAddress::text() const {
  char shown[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), shown, sizeof shown);
  return shown;
}

Result<Network> Network::parse(std::string_view text) {
  const auto wrong = [](std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; };
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return wrong(quoted(text) + " is no network, such as 10.0.0.0/8, fd00::/8 or one address");
  const unsigned most = address->is_v4() ? 32 : 128;
  Network network;
  network.base_ = *address;
  network.prefix_ = most;
  if (slash == std::string_view::npos) return network;
  const auto prefix = parse_number(text.substr(slash + 1));
  if (!prefix || *prefix > most) return wrong(quoted(text) + " has no prefix from 0 to " + std::to_string(most));
  network.prefix_ = static_cast<unsigned>(*prefix);
  for (unsigned bit = network.prefix_; bit < most; ++bit)
    network.base_.bytes_[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
  if (network.base_.bytes_ == address->bytes_) return network;
  return wrong(quoted(text) + " has bits behind its prefix; did you mean \"" + network.base_.text() + '/' +
               std::to_string(*prefix) + "\"?");
}

bool Network::holds(const IpAddress& address) const noexcept {
  if (address.v4_ != base_.v4_) return false;
  const unsigned whole = prefix_ / 8, rest = prefix_ % 8;
  if (std::memcmp(address.bytes_.data(), base_.bytes_.data(), whole) != 0) return false;
  return rest == 0 || (address.bytes_[whole] ^ base_.bytes_[whole]) >> (8 - rest) == 0;
}

}  // namespace weir
