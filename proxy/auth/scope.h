#pragma once
// Scopes: what a client asks a token for (distribution, docs/content/spec/auth/scope).
//
//   repository:host:5000/team/app:pull,push     registry:catalog:*     repository(plugin):app:pull

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct Scope {
  std::string type;
  std::string type_class;  // `plugin`; empty: none
  std::string name;        // as the client writes it
  std::vector<std::string> actions;  // each once, in their order; maybe none

  std::string text() const;
  friend bool operator==(const Scope&, const Scope&) = default;
};

inline constexpr std::size_t kMostScopes = 32;
inline constexpr std::size_t kMostScopeBytes = 8 << 10;

// One `scope` parameter: scopes with single spaces between. Empty text has none.
// The type ends at the first colon and the actions begin after the last; between them a colon stands only in front of the port
// of the name's first component, and that only where more components follow.
// Error (client): invalid for what the grammar does not know; too_large over kMostScopes or kMostScopeBytes.
Result<std::vector<Scope>> parse_scopes(std::string_view text);

}  // namespace weir
