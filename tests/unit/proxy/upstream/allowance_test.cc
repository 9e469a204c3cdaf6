#include "proxy/upstream/allowance.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

UpstreamHead answered(int status, std::string limit, std::string remaining) {
  UpstreamHead head;
  head.status = status;
  if (!limit.empty()) head.headers.emplace_back("RateLimit-Limit", std::move(limit));
  if (!remaining.empty()) head.headers.emplace_back("ratelimit-remaining", std::move(remaining));
  return head;
}

}  // namespace

TEST_CASE("an allowance is a number and a window") {
  const auto figure = Allowance::parse("100;w=21600");
  REQUIRE(figure.has_value());
  CHECK(figure->count == 100);
  CHECK(figure->window == Seconds(21600));
  CHECK(Allowance::parse(" 7 ; w=60")->window == Seconds(60));
  CHECK(Allowance::parse("7")->window == Seconds(3600));
  for (const char* text : {"", "x", "-1", "1;w=", "1;w=x", "1;w=0", "1;w=99999999", "99999999999999999999"})
    CHECK_FALSE(Allowance::parse(text).has_value());
}

TEST_CASE("what is left is known until its window is over") {
  ManualClock clock;
  Allowance allowance(clock);
  CHECK_FALSE(allowance.state().has_value());
  allowance.note(answered(200, "100;w=60", "76;w=60"));
  CHECK(allowance.state()->remaining == 76);
  CHECK(allowance.state()->limit == 100);
  allowance.note(answered(200, "", ""));
  CHECK(allowance.state()->remaining == 76);
  clock.advance(Seconds(61));
  CHECK_FALSE(allowance.state().has_value());
}

TEST_CASE("tags are believed for the whole window when less than the floor is left, or after a 429") {
  ManualClock clock;
  Allowance allowance(clock);
  CHECK(allowance.believed(Seconds(10), 20) == Seconds(10));
  allowance.note(answered(200, "100;w=600", "21;w=600"));
  CHECK(allowance.believed(Seconds(10), 20) == Seconds(10));
  allowance.note(answered(200, "100;w=600", "20;w=600"));
  CHECK(allowance.believed(Seconds(10), 20) == Seconds(600));
  CHECK(allowance.believed(Seconds(10), 0) == Seconds(10));
  CHECK(allowance.believed(Seconds(6000), 20) == Seconds(6000));
  Allowance other(clock);
  other.note(answered(429, "", ""));
  CHECK_FALSE(other.state().has_value());
  other.note(answered(200, "100;w=600", "90;w=600"));
  CHECK(other.believed(Seconds(10), 20) == Seconds(10));
  other.note(answered(429, "", ""));
  CHECK(other.state()->remaining == 0);
  CHECK(other.believed(Seconds(10), 20) == Seconds(600));
  CHECK(other.believed(Seconds(0), 20) == Seconds(0));
}
