#pragma once
// The PROXY protocol, version 2: what a proxy in front of us says first about whom it speaks for (HAProxy,
// doc/proxy-protocol.txt section 2.2). Version 1 is not spoken.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// The whole header, addresses and what is behind them: a good proxy sends a few hundred bytes.
inline constexpr std::size_t kMostProxyHeaderBytes = 2048;

struct ProxyHeader {
  // So many more bytes belong to the header, at least; 0: it is complete.
  std::size_t missing = 0;
  // Whose connection it is: `192.0.2.1:49152`, `[2001:db8::1]:49152` or `unix:proxied`. Nothing: the proxy's own (LOCAL), or it
  // does not say.
  std::optional<std::string> source;
};

// `bytes` is what came first, no more of it than the call before said was missing (16 bytes to begin with).
// What it says of the header's end (TLVs) is passed over. Error (client): invalid, as soon as it can be no such header: another
// version or command, datagrams, addresses that do not fit, more than kMostProxyHeaderBytes.
Result<ProxyHeader> read_proxy_header(std::string_view bytes);

}  // namespace weir
