#pragma once
// Url: the http and https URLs that upstreams are reached by and send us to (RFC 3986).

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct Url {
  bool tls = false;
  std::string host;      // lower case, an IPv6 address without its brackets
  unsigned port = 0;     // never 0 once parsed
  std::string target;    // path and query, at least "/"

  // Error: invalid. No user information, no fragment, no other scheme.
  static Result<Url> parse(std::string_view text);
  // A Location header: absolute, `//host/…`, or relative to this URL.
  Result<Url> resolve(std::string_view location) const;
  std::string text() const;
  // For logs: without the query, which may carry a signature.
  std::string shown() const;
  bool same_origin(const Url& other) const { return tls == other.tls && host == other.host && port == other.port; }
};

}  // namespace weir
