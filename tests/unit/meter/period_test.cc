#include "meter/period.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("a day, a month and an hour are what the calendar says") {
  CHECK(day_text(0) == "1970-01-01");
  CHECK(month_text(0) == "1970-01");
  CHECK(hour_text(hour_of(1'772'323'199)) == "2026-02-28T23:00:00Z");
  CHECK(hour_text(hour_of(1'772'323'200)) == "2026-03-01T00:00:00Z");
  const auto february = month_of(day_of(hour_of(1'772'323'199)));
  CHECK(month_text(february) == "2026-02");
  CHECK(day_text(first_day(february)) == "2026-02-01");
  CHECK(hours_of(february) == 672);
  CHECK(hours_of(february + 1) == 744);
  CHECK(hours_of(month_of(*parse_moment("2028-02-10") / 24)) == 696);
}

TEST_CASE("a period begins where the one before ends") {
  for (const auto grain : {Grain::hour, Grain::day, Grain::month}) {
    for (std::uint32_t number = 0; number < 2000; number += 7)
      CHECK(Period{grain, number}.end() == Period{grain, number + 1}.begin());
  }
}

TEST_CASE("a moment is a year, a month, a day or an hour") {
  CHECK(hour_text(*parse_moment("2026")) == "2026-01-01T00:00:00Z");
  CHECK(hour_text(*parse_moment("2026-03")) == "2026-03-01T00:00:00Z");
  CHECK(hour_text(*parse_moment("2026-03-31")) == "2026-03-31T00:00:00Z");
  CHECK(hour_text(*parse_moment("2026-03-31T23")) == "2026-03-31T23:00:00Z");
  CHECK(hour_text(*parse_moment("2026-03-31T05:00:00Z")) == "2026-03-31T05:00:00Z");
  for (const char* text : {"", "26", "2026-", "2026-13", "2026-02-29", "2026-02-30", "1969-12-31", "2200", "2026-03-31T24",
                           "2026-03-31 05", "2026-03-31T05:30", "2026-03-31T05:00:00+01:00", "2026-3-1", "today", "2026-03-31T"})
    CHECK_MESSAGE(!parse_moment(text).ok(), std::string(text));
}
