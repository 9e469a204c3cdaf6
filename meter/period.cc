#include "meter/period.h"

#include <chrono>
#include <cstdio>
#include <optional>

#include "base/text.h"

namespace weir {
namespace {

namespace chr = std::chrono;

DayNumber civil_day(int year, unsigned month, unsigned day) {
  const chr::sys_days days{chr::year(year) / static_cast<int>(month) / static_cast<int>(day)};
  return static_cast<DayNumber>(days.time_since_epoch().count());
}

chr::year_month_day civil(DayNumber day) { return chr::year_month_day(chr::sys_days(chr::days(day))); }

// Two digits, or four, that stand at the front of `text` and are taken off.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  const auto number = parse_number(text.substr(0, count));
  text.remove_prefix(count);
  if (!number) return std::nullopt;
  return static_cast<unsigned>(*number);
}

// `-01` and its like; nothing when `text` does not begin with the separator.
std::optional<unsigned> take_part(std::string_view& text, char separator, std::size_t count) {
  if (!text.starts_with(separator)) return std::nullopt;
  text.remove_prefix(1);
  return take_digits(text, count);
}

}  // namespace

HourNumber Period::begin() const {
  if (grain == Grain::hour) return number;
  return (grain == Grain::day ? number : first_day(number)) * 24;
}

HourNumber Period::end() const { return Period{grain, number + 1}.begin(); }

MonthNumber month_of(DayNumber day) {
  const auto date = civil(day);
  return static_cast<MonthNumber>((static_cast<int>(date.year()) - 1970) * 12) + static_cast<unsigned>(date.month()) - 1;
}

DayNumber first_day(MonthNumber month) { return civil_day(1970 + static_cast<int>(month / 12), month % 12 + 1, 1); }

unsigned hours_of(MonthNumber month) { return (first_day(month + 1) - first_day(month)) * 24; }

std::string day_text(DayNumber day) {
  const auto date = civil(day);
  char text[24];
  const int size = std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return std::string(text, static_cast<std::size_t>(size));
}

std::string month_text(MonthNumber month) { return day_text(first_day(month)).substr(0, 7); }

std::string hour_text(HourNumber hour) {
  char text[16];
  const int size = std::snprintf(text, sizeof text, "T%02u:00:00Z", hour % 24);
  return day_text(day_of(hour)) + std::string(text, static_cast<std::size_t>(size));
}

Result<HourNumber> parse_moment(std::string_view text) {
  const Error wrong{Failure::invalid, Side::client, false, "not a date, such as 2026-01-31, 2026-01 or 2026-01-31T05"};
  const auto year = take_digits(text, 4);
  if (!year || *year < 1970 || *year > 2199) return wrong;
  unsigned month = 1, day = 1, hour = 0;
  if (!text.empty()) {
    const auto given = take_part(text, '-', 2);
    if (!given || *given < 1 || *given > 12) return wrong;
    month = *given;
  }
  if (!text.empty()) {
    const auto given = take_part(text, '-', 2);
    if (!given || !chr::year_month_day(chr::year(static_cast<int>(*year)), chr::month(month), chr::day(*given)).ok())
      return wrong;
    day = *given;
  }
  if (!text.empty()) {
    const auto given = take_part(text, 'T', 2);
    if (!given || *given > 23) return wrong;
    hour = *given;
    for (int i = 0; i < 2 && text.starts_with(':'); ++i) {
      if (take_part(text, ':', 2) != 0u) return wrong;
    }
    if (text != "" && text != "Z") return wrong;
  }
  return civil_day(static_cast<int>(*year), month, day) * 24 + hour;
}

}  // namespace weir
