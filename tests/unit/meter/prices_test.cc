// The example that is shipped is read too. Run from the root of the sources.
#include "meter/prices.h"

#include "base/file_system.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Prices priced(std::string_view text) {
  auto outcome = Prices::parse(text);
  if (const auto* errors = std::get_if<std::vector<PriceError>>(&outcome)) {
    const auto& first = errors->front();
    const auto said = std::to_string(first.line) + ":" + std::to_string(first.column) + ": " + first.what;
    FAIL(said);
  }
  return std::get<Prices>(std::move(outcome));
}

// `LINE:COLUMN: WHAT`, one a line.
std::string mistakes_in(std::string_view text) {
  const auto outcome = Prices::parse(text);
  std::string all;
  if (const auto* errors = std::get_if<std::vector<PriceError>>(&outcome)) {
    for (const auto& error : *errors)
      all += std::to_string(error.line) + ':' + std::to_string(error.column) + ": " + error.what + '\n';
  }
  return all;
}

DayNumber on(std::string_view day) { return day_of(*parse_moment(day)); }

// What a month's first `amount` costs on a day.
std::string cost_of(const Prices& prices, std::string_view what, PriceMeter meter, std::string_view day, std::uint64_t amount,
                    std::uint64_t before = 0) {
  const auto* tiers = prices.tiers(what, meter, on(day));
  return tiers ? Prices::price(*tiers, meter, before, amount, month_of(on(day))).text() : "no price";
}

constexpr std::uint64_t kTB = 1'000'000'000'000;

}  // namespace

TEST_CASE("a line is an upstream, a meter and a price") {
  const auto prices = priced("# prices\n\nup.test  transfer-gb  0.09\r\nup.test request-1000 0.5\n\tstorage\tgb-month\t0.10");
  CHECK(cost_of(prices, "up.test", PriceMeter::received_gb, "2026-05-05", 10'000'000'000) == "0.9");
  CHECK(cost_of(prices, "up.test", PriceMeter::request_1000, "1999-05-05", 250) == "0.125");
  CHECK(cost_of(prices, "storage", PriceMeter::gb_month, "2026-04-01", 720ull * 1'000'000'000) == "0.1");
  CHECK(cost_of(prices, "other", PriceMeter::received_gb, "2026-05-05", 1) == "no price");
  CHECK(cost_of(prices, "up.test", PriceMeter::sent_gb, "2026-05-05", 1) == "no price");
  CHECK(priced("").empty());
}

TEST_CASE("tiers share out what a month uses, whatever their order in the file") {
  const auto prices = priced("e transfer-gb 0.07\ne transfer-gb 0.09 up-to=10TB\ne transfer-gb 0.085 up-to=50TB\n");
  CHECK(cost_of(prices, "e", PriceMeter::received_gb, "2026-05-05", 10 * kTB) == "900");
  CHECK(cost_of(prices, "e", PriceMeter::received_gb, "2026-05-05", 50 * kTB) == "4300");
  CHECK(cost_of(prices, "e", PriceMeter::received_gb, "2026-05-05", 60 * kTB) == "5000");
  // The same in pieces.
  CHECK(cost_of(prices, "e", PriceMeter::received_gb, "2026-05-05", 2 * kTB, 9 * kTB) == "175");
  const auto counted = priced("e request-1000 1 up-to=1000\ne request-1000 0.5\n");
  CHECK(cost_of(counted, "e", PriceMeter::request_1000, "2026-05-05", 3000) == "2");
  const auto stored = priced("storage gb-month 1 up-to=1GB\nstorage gb-month 0.5\n");
  CHECK(cost_of(stored, "storage", PriceMeter::gb_month, "2026-04-05", 720ull * 3'000'000'000) == "2");
}

TEST_CASE("behind the last tier its price goes on") {
  const auto prices = priced("e transfer-gb 0.1 up-to=1GB\n");
  CHECK(cost_of(prices, "e", PriceMeter::received_gb, "2026-05-05", 5'000'000'000) == "0.5");
}

TEST_CASE("of the lines that are in force those count that began last") {
  const auto prices = priced(
      "e transfer-gb 0.1\n"
      "e transfer-gb 0.2 from=2026-03-01\n"
      "e transfer-gb 0.3 from=2026-06-01 until=2026-07-01\n");
  const auto of = [&](const char* day) { return cost_of(prices, "e", PriceMeter::received_gb, day, 1'000'000'000); };
  CHECK(of("2026-02-28") == "0.1");
  CHECK(of("2026-03-01") == "0.2");
  CHECK(of("2026-06-15") == "0.3");
  CHECK(of("2026-07-01") == "0.2");
  CHECK(prices.changes("e", PriceMeter::received_gb, on("2026-01-01"), on("2027-01-01")) ==
        std::vector<DayNumber>{on("2026-03-01"), on("2026-06-01"), on("2026-07-01")});
  CHECK_FALSE(prices.changes_within(month_of(on("2026-03-01"))));
  CHECK(priced("e transfer-gb 1 from=2026-03-02").changes_within(month_of(on("2026-03-01"))));
}

TEST_CASE("what is sent has prices of its own") {
  const auto prices = priced("e transfer-gb 0.1 direction=received\ne transfer-gb 0.02 direction=sent\n");
  CHECK(cost_of(prices, "e", PriceMeter::received_gb, "2026-05-05", 1'000'000'000) == "0.1");
  CHECK(cost_of(prices, "e", PriceMeter::sent_gb, "2026-05-05", 1'000'000'000) == "0.02");
}

TEST_CASE("every mistake is named at once, with its line and its column") {
  CHECK(mistakes_in("UP transfer-gb 0.1\n"
                    "up\n"
                    "up transfer-gb\n"
                    "up bytes 1\n"
                    "up transfer-gb free\n"
                    "up gb-month 1\n"
                    "storage transfer-gb 1\n"
                    "up transfer-gb 1 from=yesterday\n"
                    "up transfer-gb 1 from=2026-02-02 until=2026-02-01\n"
                    "up transfer-gb 1 up-to=much up-to=1GB\n"
                    "up request-1000 1 up-to=1GB direction=sent\n"
                    "up transfer-gb 1 direction=up\n"
                    "up transfer-gb 1 cheap\n"
                    "up transfer-gb 1 when=now\n") ==
        "1:1: \"UP\" is neither the name of an upstream nor `storage`\n"
        "2:3: the meter is missing: transfer-gb, request-1000 or gb-month\n"
        "3:15: the price is missing\n"
        "4:4: \"bytes\" is no meter: transfer-gb, request-1000 or gb-month\n"
        "5:16: \"free\" is no price from 0 to 999999 with up to nine decimals, such as 0.09\n"
        "6:4: gb-month is a price of `storage`, not of an upstream\n"
        "7:9: `storage` is priced by gb-month\n"
        "8:23: \"yesterday\" is no day, such as 2026-01-31\n"
        "9:34: until= is not after from=\n"
        "10:24: \"much\" is no size, such as 10TB\n"
        "10:29: \"up-to\" is given twice\n"
        "11:25: \"1GB\" is no number of requests, such as 1000000\n"
        "11:29: direction= belongs to transfer-gb\n"
        "12:28: \"up\" is no direction: received or sent\n"
        "13:18: \"cheap\" is no condition: from=, until=, up-to= or direction=\n"
        "14:18: \"when\" is no condition: from=, until=, up-to= or direction=\n");
}

TEST_CASE("the same thing is priced once, and lines that begin together end together") {
  CHECK(mistakes_in("e transfer-gb 1\ne transfer-gb 2\n") == "2:1: this is priced at line 1 already\n");
  CHECK(mistakes_in("e transfer-gb 1 up-to=1GB\ne transfer-gb 2 up-to=1000MB\n") == "2:17: this is priced at line 1 already\n");
  CHECK(mistakes_in("e transfer-gb 1 until=2026-02-01 up-to=1GB\ne transfer-gb 2 until=2026-03-01\n") ==
        "2:17: until= is another one than at line 1, though both begin on the same day\n");
}

TEST_CASE("a file is bounded, and so are its lines") {
  CHECK(mistakes_in(std::string(2000, 'x')) == "1:1: a line is at most 1024 bytes long\n");
  CHECK(mistakes_in(std::string(Prices::kMostBytes + 1, '\n')) == "1:1: the file is larger than a MiB\n");
}

TEST_CASE("the shipped example has Amazon's list prices") {
  const auto text = read_small_file("conf/prices.rules", Prices::kMostBytes);
  REQUIRE(text.ok());
  const auto prices = priced(*text);
  CHECK(cost_of(prices, "public.ecr.aws", PriceMeter::received_gb, "2026-05-05", 1'000'000'000) == "0.09");
  CHECK(cost_of(prices, "storage", PriceMeter::gb_month, "2026-04-05", 720ull * 1'000'000'000) == "0.1");
  CHECK(cost_of(prices, "docker.io", PriceMeter::received_gb, "2026-05-05", 1'000'000'000) == "0");
}
