#pragma once
// WeeklyTime: when in a week, in UTC, as `Mon-Fri,08:00-18:00` says it.
//
// Words between commas are days (`Sat`), runs of days (`Fri-Mon`) and hours (`08:00-18:00`; the end is not in it; 24:00 may be
// an end). Without days it is every day, without hours all day. Hours that end before they begin reach into the next day.

#include <array>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

class WeeklyTime {
 public:
  static Result<WeeklyTime> parse(std::string_view text);
  bool holds(WallSeconds time) const noexcept;

 private:
  struct Hours {
    unsigned begin = 0, end = 24 * 60;  // minutes of the day
  };
  std::array<bool, 7> days_{};  // from Monday
  std::vector<Hours> hours_;    // at least one
};

}  // namespace weir
