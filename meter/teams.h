#pragma once
// Teams: which team an identity's usage is counted for, by patterns of names. Immutable. Thread: any.

#include <string>
#include <string_view>
#include <vector>

#include "meter/usage.h"

namespace weir {

struct TeamOptions {
  std::string name;
  std::vector<std::string> patterns;  // of identities: `*` within a part between slashes, `**` across them
};

// Who belongs to no team.
inline constexpr std::string_view kNoTeam = "none";

class Teams {
 public:
  explicit Teams(std::vector<TeamOptions> teams = {}) : teams_(std::move(teams)) {}

  // The first team, in the order of the configuration, one of whose patterns matches; else kNoTeam. Valid as long as this.
  std::string_view of(std::string_view identity) const;
  bool has(std::string_view team) const;

 private:
  std::vector<TeamOptions> teams_;
};

}  // namespace weir
