#include "meter/teams.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("the first team that matches has an identity, and who matches none has none") {
  const Teams teams({{"ml", {"node/ml-*", "ci/ml/**"}}, {"ci", {"ci/**"}}});
  CHECK(teams.of("node/ml-7") == "ml");
  CHECK(teams.of("ci/ml/train/3") == "ml");
  CHECK(teams.of("ci/web") == "ci");
  CHECK(teams.of("node/web-1") == kNoTeam);
  CHECK(teams.of("") == kNoTeam);
  CHECK(Teams().of("anonymous") == kNoTeam);
  CHECK(teams.has("ci"));
  CHECK_FALSE(teams.has("web"));
}
