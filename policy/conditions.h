#pragma once
// Conditions: what of a rule stands behind its repository, and whether it holds.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network.h"
#include "base/result.h"
#include "policy/decision.h"
#include "policy/glob.h"
#include "policy/weekly_time.h"

namespace weir {

// Whether something holds, as far as it is known.
enum class Holds : unsigned char { no, maybe, yes };

class Conditions {
 public:
  // Takes one word, such as `tag=v*` or `offline`. Error: invalid, with what is wrong and the nearest valid word.
  Status add(std::string_view word);

  // Do all conditions hold? `tag`: the one to judge by, a null view where there is none; not looked at when `tags_known` is not.
  // `needs` gains what a maybe is for. `of_all`: of several platforms all must agree, and not only one.
  Holds hold(const Question& question, const Facts& facts, bool tags_known, std::string_view tag, bool of_all,
             unsigned& needs) const;

  bool on_first_seen() const noexcept { return first_seen_.has_value(); }

  // What a limit demands: at least one of these where there is a limit, none elsewhere.
  bool limits() const noexcept { return offline_ || digests_only_ || !only_platforms_.empty(); }
  bool offline() const noexcept { return offline_; }
  // Whether what it demands, besides offline, is violated.
  Holds violated(const Question& question, const Facts& facts, unsigned& needs) const;

 private:
  using Globs = std::vector<Glob>;
  Status take(std::string_view name, std::string_view value);
  bool given(unsigned kinds) const noexcept { return (given_ & kinds) != 0; }

  unsigned given_ = 0;  // a bit for each kind there is, so that none comes twice
  Globs tags_, not_tags_, upstreams_, media_types_, platforms_, only_platforms_;
  std::vector<Network> from_;
  std::optional<std::uint64_t> most_size_;
  std::optional<Seconds> first_seen_;
  std::optional<WeeklyTime> time_;
  bool offline_ = false, digests_only_ = false;
};

}  // namespace weir
