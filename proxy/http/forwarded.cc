#include "proxy/http/forwarded.h"

#include "base/text.h"

namespace weir {
namespace {

// Longer chains are no chains.
constexpr std::size_t kMostHops = 32;

// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; shown as a peer is.
std::optional<std::string> normal_address(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
  } else if (text.find(':') != std::string_view::npos && text.find(':') == text.rfind(':')) {
    port = text.substr(text.find(':'));
    text = text.substr(0, text.find(':'));
  }
  if (!port.empty()) {
    const auto number = port[0] == ':' ? parse_number(port.substr(1)) : std::nullopt;
    if (!number || *number > 65535) return std::nullopt;
  }
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  if (port.empty()) return address->text();
  return (address->is_v4() ? address->text() : '[' + address->text() + ']') + std::string(port);
}

// The value of a header that is there once and is no list.
std::optional<std::string_view> single_value(const HttpRequest& request, std::string_view name) {
  std::optional<std::string_view> value;
  for (const auto& field : request.fields) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (value) return std::nullopt;
    value = trim(field.value);
  }
  if (value && (value->empty() || value->find(',') != std::string_view::npos)) return std::nullopt;
  return value;
}

bool host_like(std::string_view host) {
  if (host.size() > 255) return false;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("-._:[]").find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& words) {
  TrustedProxies trusted;
  trusted.words_ = words;
  for (const auto& word : words) {
    if (word == "unix") {
      trusted.unix_ = true;
      continue;
    }
    auto network = Network::parse(word);
    if (!network) return std::move(network).error();
    trusted.networks_.push_back(*network);
  }
  return trusted;
}

bool TrustedProxies::holds(std::string_view peer) const noexcept {
  if (peer == "unix") return unix_;
  auto address = IpAddress::parse(peer);
  if (!address) address = IpAddress::of_peer(peer);
  if (!address) return false;
  for (const auto& network : networks_) {
    if (network.holds(*address)) return true;
  }
  return false;
}

Forwarded read_forwarded(const HttpRequest& request, std::string_view peer, const TrustedProxies& trusted) {
  Forwarded forwarded;
  if (!trusted.holds(peer)) return forwarded;
  const auto list = request.header_list("X-Forwarded-For");
  const auto hops = split(list, ',');
  for (std::size_t i = hops.size(); i > 0 && hops.size() - i < kMostHops; --i) {
    auto address = normal_address(trim(hops[i - 1]));
    if (!address) break;  // who wrote that is the last that is known
    const bool proxy = trusted.holds(*address);
    forwarded.client = std::move(address);
    if (!proxy) break;
  }
  if (const auto scheme = single_value(request, "X-Forwarded-Proto")) {
    if (equal_ignoring_case(*scheme, "https")) forwarded.scheme = "https";
    if (equal_ignoring_case(*scheme, "http")) forwarded.scheme = "http";
  }
  if (const auto host = single_value(request, "X-Forwarded-Host"); host && host_like(*host)) forwarded.host = host;
  return forwarded;
}

}  // namespace weir
