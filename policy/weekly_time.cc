#include "policy/weekly_time.h"

#include <algorithm>
#include <optional>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr WallSeconds kDaySeconds = 24 * 60 * 60;
const std::vector<std::string> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

std::optional<std::size_t> day_of(std::string_view word) {
  const auto found = std::ranges::find_if(kDays, [&](const std::string& day) { return equal_ignoring_case(day, word); });
  if (found == kDays.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kDays.begin());
}

// `08:30`, as minutes.
std::optional<unsigned> minute_of(std::string_view word) {
  if (word.size() != 5 || word[2] != ':') return std::nullopt;
  const auto hour = parse_number(word.substr(0, 2)), minute = parse_number(word.substr(3));
  if (!hour || !minute || *minute > 59 || *hour > 24 || (*hour == 24 && *minute > 0)) return std::nullopt;
  return static_cast<unsigned>(*hour * 60 + *minute);
}

}  // namespace

Result<WeeklyTime> WeeklyTime::parse(std::string_view text) {
  const auto wrong = [](std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; };
  WeeklyTime time;
  for (const auto word : split(text, ',')) {
    const auto dash = word.find('-');
    const auto from = word.substr(0, dash), to = dash == std::string_view::npos ? from : word.substr(dash + 1);
    if (word.find(':') != std::string_view::npos) {
      const auto begin = minute_of(from), end = minute_of(to);
      if (!begin || !end || *begin == *end || *begin == 24 * 60)
        return wrong(quoted(word) + " are no hours, such as 08:00-18:00 or 22:00-06:00");
      time.hours_.push_back({*begin, *end});
      continue;
    }
    for (const auto end : {from, to}) {
      if (!day_of(end)) return wrong(quoted(end) + " is no day" + suggestion(end, kDays));
    }
    for (auto day = *day_of(from);; day = (day + 1) % 7) {
      time.days_[day] = true;
      if (day == *day_of(to)) break;
    }
  }
  if (std::ranges::none_of(time.days_, [](bool day) { return day; })) time.days_.fill(true);
  if (time.hours_.empty()) time.hours_.push_back({});
  return time;
}

bool WeeklyTime::holds(WallSeconds time) const noexcept {
  if (time < 0) return false;
  const auto days = time / kDaySeconds;
  const auto today = static_cast<std::size_t>((days + 3) % 7);  // 1 January 1970 was a Thursday
  const auto yesterday = (today + 6) % 7;
  const auto minute = static_cast<unsigned>(time % kDaySeconds / 60);
  return std::ranges::any_of(hours_, [&](const Hours& hours) {
    if (hours.begin < hours.end) return days_[today] && minute >= hours.begin && minute < hours.end;
    return (days_[today] && minute >= hours.begin) || (days_[yesterday] && minute < hours.end);
  });
}

}  // namespace weir
