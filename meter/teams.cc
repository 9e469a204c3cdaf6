#include "meter/teams.h"

#include <algorithm>

#include "oci/pattern.h"

namespace weir {

std::string_view Teams::of(std::string_view identity) const {
  for (const auto& team : teams_) {
    const auto matches = [&](const std::string& pattern) { return matches_glob(pattern, identity); };
    if (std::any_of(team.patterns.begin(), team.patterns.end(), matches)) return team.name;
  }
  return kNoTeam;
}

bool Teams::has(std::string_view team) const {
  return std::any_of(teams_.begin(), teams_.end(), [&](const auto& known) { return known.name == team; });
}

}  // namespace weir
