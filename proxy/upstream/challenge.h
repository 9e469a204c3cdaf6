#pragma once
// WWW-Authenticate challenges (RFC 9110 11.6.1; distribution docs/content/spec/auth/token.md).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Challenge {
  enum class Scheme { bearer, basic };
  Scheme scheme = Scheme::bearer;
  std::string realm, service, scope;
};

// The first Bearer challenge of a header value, else the first Basic one; nothing when there is neither, or a Bearer
// without a realm. Bounded by the header's own size; never fails on what it does not understand.
std::optional<Challenge> parse_challenge(std::string_view header);

}  // namespace weir
