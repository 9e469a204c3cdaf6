#pragma once
// Hours, days and months, in UTC, as the ledger counts them and reports name them.
// Source: ISO 8601 for their texts; the proleptic Gregorian calendar.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

// Since the beginning of 1970.
using HourNumber = std::uint32_t;
using DayNumber = std::uint32_t;
using MonthNumber = std::uint32_t;

inline constexpr HourNumber kNoEnd = UINT32_MAX;

enum class Grain : unsigned char { hour, day, month };

// One hour, day or month.
struct Period {
  Grain grain = Grain::hour;
  std::uint32_t number = 0;

  HourNumber begin() const;
  HourNumber end() const;  // the first hour behind it
  friend auto operator<=>(const Period&, const Period&) = default;
};

inline HourNumber hour_of(WallSeconds time) { return time <= 0 ? 0 : static_cast<HourNumber>(time / 3600); }
inline DayNumber day_of(HourNumber hour) { return hour / 24; }
MonthNumber month_of(DayNumber day);
DayNumber first_day(MonthNumber month);
unsigned hours_of(MonthNumber month);  // 672 to 744

std::string day_text(DayNumber day);        // 2026-01-31
std::string month_text(MonthNumber month);  // 2026-01
std::string hour_text(HourNumber hour);     // 2026-01-31T05:00:00Z

// `2026`, `2026-01`, `2026-01-31`, `2026-01-31T05`, `2026-01-31T05:00:00Z`: the first hour of it, from 1970 to 2199. Minutes and
// seconds must be zero. Error: invalid.
Result<HourNumber> parse_moment(std::string_view text);

}  // namespace weir
