// Networks, hours, globs and the size of expressions: the small values of this room.

#include <random>

#include "base/network.h"
#include "oci/pattern.h"
#include "policy/expression.h"
#include "policy/glob.h"
#include "policy/weekly_time.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

bool holds(const char* network, const char* address) {
  const auto parsed = Network::parse(network);
  REQUIRE_MESSAGE(parsed.ok(), network);
  return parsed->holds(*IpAddress::parse(address));
}

}  // namespace

TEST_CASE("a network holds what shares its prefix") {
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  CHECK(holds("10.128.0.0/9", "10.128.0.1"));
  CHECK_FALSE(holds("10.128.0.0/9", "10.127.255.255"));
  CHECK(holds("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(holds("192.0.2.7", "192.0.2.6"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
  CHECK(holds("fd00::/8", "fdff::1"));
  CHECK_FALSE(holds("fd00::/8", "fe00::1"));
  CHECK(holds("2001:db8::1", "2001:db8::1"));
  CHECK_FALSE(holds("2001:db8::/127", "2001:db8::2"));
  CHECK_FALSE(holds("::/0", "10.0.0.1"));
  CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  for (const char* bad : {"", "10.0.0", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "host", "10.0.0.0/8/8"})
    CHECK_FALSE_MESSAGE(Network::parse(bad).ok(), bad);
}

TEST_CASE("the address of a client is read off its connection") {
  CHECK(IpAddress::of_peer("10.0.0.7:1234")->text() == "10.0.0.7");
  CHECK(IpAddress::of_peer("[fd00::7]:1234")->text() == "fd00::7");
  CHECK(IpAddress::of_peer("[::ffff:10.0.0.7]:1234")->text() == "10.0.0.7");
  CHECK(IpAddress::of_peer("[fe80::1%eth0]:1")->text() == "fe80::1");
  CHECK_FALSE(IpAddress::of_peer("unix"));
  CHECK_FALSE(IpAddress::of_peer("name:80"));
}

TEST_CASE("days run over the end of the week, and hours over the end of the day") {
  constexpr WallSeconds kMonday = 4 * 86'400, kDay = 86'400, kHour = 3600;  // 5 January 1970
  const auto at = [](const char* text, WallSeconds time) {
    const auto parsed = WeeklyTime::parse(text);
    REQUIRE_MESSAGE(parsed.ok(), text);
    return parsed->holds(time);
  };
  CHECK(at("Fri-Mon", kMonday));
  CHECK(at("Fri-Mon", kMonday + 5 * kDay));
  CHECK_FALSE(at("Fri-Mon", kMonday + kDay));
  CHECK(at("mon", kMonday + 23 * kHour));
  CHECK(at("08:00-12:00,13:00-17:00", kMonday + 13 * kHour));
  CHECK_FALSE(at("08:00-12:00,13:00-17:00", kMonday + 12 * kHour));
  CHECK(at("20:00-24:00", kMonday + 24 * kHour - 1));
  CHECK_FALSE(at("20:00-24:00", kMonday));
  CHECK(at("Sun,22:00-02:00", kMonday + kHour));  // Sunday's night
  CHECK_FALSE(at("Mon,22:00-02:00", kMonday + kHour));
  CHECK(at("Sat,Sun", kMonday + 6 * kDay));
  for (const char* bad : {"", "Mon,", "Mond", "25:00-26:00", "08:00", "08:00-08:00", "24:00-08:00", "08:60-09:00", "Mon-"})
    CHECK_FALSE_MESSAGE(WeeklyTime::parse(bad).ok(), bad);
}

TEST_CASE("a glob made ready means what a plain one means") {
  std::mt19937 random(3);
  const auto text = [&](std::string_view letters, std::size_t most) {
    std::string made;
    for (auto i = random() % (most + 1); i > 0; --i) made += letters[random() % letters.size()];
    return made;
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto pattern = text("ab/**", 6), name = text("ab/", 7);
    CHECK_MESSAGE(Glob(pattern).matches(name) == matches_glob(pattern, name), pattern << " " << name);
  }
  const std::vector<std::string_view> three{"a", "b", "c"};
  CHECK(literals_of("a*b**c") == three);
  CHECK(literals_of("**").empty());
}

TEST_CASE("an expression is weighed with its repeats") {
  CHECK(check_expression_size("(a{10}){100}").ok());
  CHECK(check_expression_size("a{2000}").ok());
  CHECK_FALSE(check_expression_size("a{2001}").ok());
  CHECK_FALSE(check_expression_size("(ab){1001}").ok());
  CHECK_FALSE(check_expression_size("([a-z]{50}[0-9]{50}){30}").ok());
  CHECK_FALSE(check_expression_size("(a{18446744073709551615}){2}").ok());
  CHECK_FALSE(check_expression_size("a{1,}{50}{50}").ok());
  CHECK(check_expression_size("[(]{100}").ok());
}
