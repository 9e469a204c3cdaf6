#pragma once
// Whom the proxies in front of us speak for: X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host, believed only from
// addresses that the configuration names.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network.h"
#include "base/result.h"
#include "proxy/http/request.h"

namespace weir {

// Immutable. Thread: any.
class TrustedProxies {
 public:
  // Networks and addresses, and `unix` for whoever connects through a unix socket. Error: invalid.
  static Result<TrustedProxies> parse(const std::vector<std::string>& words);

  bool empty() const noexcept { return words_.empty(); }
  const std::vector<std::string>& words() const noexcept { return words_; }  // as parsed
  // `peer` as Exchange::peer() has it, or an address alone.
  bool holds(std::string_view peer) const noexcept;

 private:
  std::vector<std::string> words_;
  std::vector<Network> networks_;
  bool unix_ = false;
};

// What a request says of the client behind the proxies; nothing where it says nothing or nothing clear.
struct Forwarded {
  std::optional<std::string> client;     // an address, with a port where there is one
  std::optional<std::string_view> scheme;  // `http` or `https`
  std::optional<std::string_view> host;    // as a Host header has it
};

// For a request that came from `peer`. Of the addresses in X-Forwarded-For each proxy has added one at the end, so they are read
// from there: the client is the first that is no proxy of ours. What stands before it, anybody may have written.
// The other two count when there is one of them with one value.
Forwarded read_forwarded(const HttpRequest& request, std::string_view peer, const TrustedProxies& trusted);

}  // namespace weir
