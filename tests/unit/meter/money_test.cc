#include "meter/money.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Money money(std::string_view text) {
  const auto parsed = Money::parse(text);
  REQUIRE_MESSAGE(parsed.ok(), std::string(text));
  return *parsed;
}

UnitPrice unit(std::string_view text) {
  const auto parsed = UnitPrice::parse(text);
  REQUIRE_MESSAGE(parsed.ok(), std::string(text));
  return *parsed;
}

}  // namespace

TEST_CASE("money is read and shown to its last digit") {
  for (const char* text : {"0", "12", "0.09", "-3.5", "0.000000000000000001", "999999999999999999.000000000000000001"})
    CHECK(money(text).text() == text);
  CHECK(money("1.500").text() == "1.5");
  for (const char* text :
       {"", ".", "1.", ".5", "-", "+1", "1e3", "1,5", " 1", "0x1", "1.0000000000000000001", "1234567890123456789"})
    CHECK_FALSE(Money::parse(text).ok());
}

TEST_CASE("a sum of tenths is what it is on paper") {
  Money sum;
  for (int i = 0; i < 10; ++i) sum += money("0.1");
  CHECK(sum == money("1"));
  CHECK((money("0.1") + money("0.2") - money("0.3")).zero());
}

TEST_CASE("what is shown is rounded half to even, and only then") {
  struct Case {
    const char* value;
    unsigned decimals;
    const char* shown;
  };
  const Case cases[] = {
      {"0.125", 2, "0.12"}, {"0.135", 2, "0.14"}, {"0.1250001", 2, "0.13"}, {"-0.125", 2, "-0.12"}, {"-0.135", 2, "-0.14"},
      {"2.5", 0, "2"},      {"3.5", 0, "4"},      {"0.0005", 3, "0.000"},   {"7", 2, "7.00"},       {"0.999", 2, "1.00"},
  };
  for (const auto& each : cases) CHECK(money(each.value).rounded(each.decimals) == each.shown);
}

TEST_CASE("a price times bytes, requests and hours is exact") {
  CHECK(unit("0.09").each_gb(1'000'000'000) == money("0.09"));
  CHECK(unit("0.09").each_gb(1) == money("0.00000000009"));
  CHECK(unit("0.000000001").each_gb(1) == money("0.000000000000000001"));
  CHECK(unit("0.4").each_thousand(1) == money("0.0004"));
  CHECK(unit("0.10").each_gb_month(720ull * 5'000'000'000, 720) == money("0.5"));
  // A gigabyte for one hour of a month that has 744: rounded at the eighteenth decimal.
  CHECK(unit("0.10").each_gb_month(1'000'000'000, 744).text() == "0.000134408602150538");
  CHECK(unit("999999.999999999").each_gb(UINT64_MAX).text() ==
        Money::of_attos(static_cast<__int128>(999999999999999) * static_cast<__int128>(UINT64_MAX)).text());
  CHECK(unit("0.085").text() == "0.085");
}

TEST_CASE("a price is no negative number, and has its bounds") {
  for (const char* text : {"-1", "1000000", "0.0000000001", "", "free", "1.5.2"}) CHECK_FALSE(UnitPrice::parse(text).ok());
}

TEST_CASE("shares of an amount add up to it, however large they are") {
  const auto whole = money("123456789.123456789012345678");
  const std::uint64_t parts = (1ull << 62) + 12345;
  CHECK(whole.share(parts, parts) == whole);
  CHECK(whole.share(0, parts).zero());
  Money sum, last;
  for (int i = 1; i <= 7; ++i) {
    const auto until = i == 7 ? parts : parts / 7 * static_cast<std::uint64_t>(i);
    sum += whole.share(until, parts) - last;
    last = whole.share(until, parts);
  }
  CHECK(sum == whole);
  CHECK(money("1").share(1, 3).text() == "0.333333333333333333");
  CHECK(money("1").share(2, 3).text() == "0.666666666666666667");
  // Half to even, of the sum and not of a part of it.
  CHECK(money("0.000000000000000003").share(1, 2).text() == "0.000000000000000002");
  CHECK(money("0.000000000000000005").share(1, 2).text() == "0.000000000000000002");
  CHECK(money("-0.000000000000000003").share(1, 2).text() == "-0.000000000000000002");
}

TEST_CASE("a currency is shown with its own decimals") {
  CHECK(minor_digits("USD") == 2);
  CHECK(minor_digits("JPY") == 0);
  CHECK(minor_digits("KWD") == 3);
  CHECK(valid_currency("EUR"));
  for (const char* text : {"eur", "EU", "EURO", "E1R", ""}) CHECK_FALSE(valid_currency(text));
}
