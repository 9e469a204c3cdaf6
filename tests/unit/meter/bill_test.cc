#include "meter/bill.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Prices prices_from(std::string_view text) {
  auto outcome = Prices::parse(text);
  REQUIRE(std::holds_alternative<Prices>(outcome));
  return std::get<Prices>(std::move(outcome));
}

DayNumber the_day(std::string_view text) { return day_of(*parse_moment(text)); }

std::string texts(const std::vector<Money>& costs) {
  std::string text;
  for (const auto& cost : costs) text += (text.empty() ? "" : " ") + cost.text();
  return text;
}

constexpr std::uint64_t kGB = 1'000'000'000;

}  // namespace

TEST_CASE("everybody pays the same for a byte of a month, whoever came first") {
  const auto prices = prices_from("e transfer-gb 0.09 up-to=1TB\ne transfer-gb 0.05\n");
  Bill bill(prices, "e", PriceMeter::received_gb);
  bill.add(1, the_day("2026-04-30"), 500 * kGB);
  bill.add(0, the_day("2026-04-01"), 1000 * kGB);
  std::vector<Money> costs(2);
  bill.settle(costs);
  CHECK(texts(costs) == "76.666666666666666667 38.333333333333333333");
  CHECK((costs[0] + costs[1]).text() == "115");
  CHECK_FALSE(bill.unpriced());
}

TEST_CASE("a month begins its tiers anew") {
  const auto prices = prices_from("e transfer-gb 0.09 up-to=1TB\ne transfer-gb 0\n");
  Bill bill(prices, "e", PriceMeter::received_gb);
  bill.add(0, the_day("2026-04-30"), 2000 * kGB);
  bill.add(0, the_day("2026-05-01"), 500 * kGB);
  std::vector<Money> costs(1);
  bill.settle(costs);
  CHECK(texts(costs) == "135");
}

TEST_CASE("what nobody asks about takes part in the tiers") {
  const auto prices = prices_from("e transfer-gb 0.1 up-to=10GB\ne transfer-gb 0.02\n");
  Bill bill(prices, "e", PriceMeter::received_gb);
  bill.add(Bill::kNobody, the_day("2026-04-01"), 30 * kGB);
  bill.add(0, the_day("2026-04-20"), 10 * kGB);
  std::vector<Money> costs(1);
  bill.settle(costs);
  CHECK(texts(costs) == "0.4");  // a quarter of 1 + 0.6
}

TEST_CASE("where prices change within a month its parts are apart, and the tiers go on") {
  const auto prices = prices_from(
      "e transfer-gb 0.1 up-to=10GB\ne transfer-gb 0.05\n"
      "e transfer-gb 0.2 from=2026-04-16 up-to=10GB\ne transfer-gb 0.01 from=2026-04-16\n");
  Bill bill(prices, "e", PriceMeter::received_gb);
  bill.add(0, the_day("2026-04-01"), 6 * kGB);
  bill.add(1, the_day("2026-04-15"), 6 * kGB);
  bill.add(2, the_day("2026-04-16"), 10 * kGB);
  std::vector<Money> costs(3);
  bill.settle(costs);
  CHECK(texts(costs) == "0.55 0.55 0.1");
}

TEST_CASE("what has no price costs nothing, and is said to have none") {
  const auto prices = prices_from("e transfer-gb 0.1 from=2026-04-16\n");
  Bill bill(prices, "e", PriceMeter::received_gb);
  bill.add(0, the_day("2026-04-01"), 6 * kGB);
  bill.add(1, the_day("2026-04-16"), 1 * kGB);
  std::vector<Money> costs(2);
  bill.settle(costs);
  CHECK(texts(costs) == "0 0.1");
  CHECK(bill.unpriced());
}

TEST_CASE("shares of odd sizes add up to the whole, to the last digit") {
  const auto prices = prices_from("storage gb-month 0.123456789 up-to=3GB\nstorage gb-month 0.000000007\n");
  Bill bill(prices, "storage", PriceMeter::gb_month);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 97; ++i) {
    const auto amount = (i * 7919 + 1) * 1'234'567'891ull;
    sum += amount;
    bill.add(i, the_day("2026-03-01") + static_cast<DayNumber>(i % 31), amount);
  }
  std::vector<Money> costs(97);
  bill.settle(costs);
  Money all;
  for (const auto& cost : costs) all += cost;
  const auto day = the_day("2026-03-01");
  CHECK(all == Prices::price(*prices.tiers("storage", PriceMeter::gb_month, day), PriceMeter::gb_month, 0, sum, month_of(day)));
}
