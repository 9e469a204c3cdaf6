#include "meter/money.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

constexpr __int128 kMostAttos = ~(static_cast<__int128>(1) << 127);
constexpr __int128 kNano = 1'000'000'000;

constexpr __int128 power_of_ten(unsigned exponent) {
  __int128 power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// value / by, half to even. REQUIRES: by > 0.
__int128 divided(__int128 value, __int128 by) {
  const bool negative = value < 0;
  const __int128 size = negative ? -value : value;
  __int128 quotient = size / by;
  const __int128 rest = size % by;
  const __int128 other = by - rest;
  if (rest > other || (rest == other && quotient % 2 != 0)) ++quotient;
  return negative ? -quotient : quotient;
}

std::string digits_of(__int128 value) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

// A number counted in 10^-decimals, with all of its decimals.
std::string decimal_text(__int128 value, unsigned decimals) {
  const bool negative = value < 0;
  std::string digits = digits_of(negative ? -value : value);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - decimals, 1, '.');
  return (negative ? "-" : "") + digits;
}

// Digits, maybe a point and up to `decimals` more, as a count of 10^-decimals.
Result<__int128> parse_decimal(std::string_view text, unsigned decimals, unsigned most_whole_digits) {
  const Error wrong{Failure::invalid, Side::client, false,
                    "not a number with up to " + std::to_string(decimals) + " decimals, such as 0.09"};
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto rest = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const auto all_digits = [](std::string_view part) { return std::all_of(part.begin(), part.end(), is_digit); };
  if (whole.empty() || !all_digits(whole) || !all_digits(rest) || (point != std::string_view::npos && rest.empty())) return wrong;
  if (whole.size() > most_whole_digits || rest.size() > decimals) return wrong;
  __int128 value = 0;
  for (const char c : whole) value = value * 10 + (c - '0');
  for (const char c : rest) value = value * 10 + (c - '0');
  return value * power_of_ten(decimals - static_cast<unsigned>(rest.size()));
}

}  // namespace

Result<Money> Money::parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto attos = parse_decimal(text, kDecimals, 18);
  if (!attos) return attos.error();
  return Money(negative ? -*attos : *attos);
}

std::string Money::text() const {
  auto text = decimal_text(attos_, kDecimals);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string Money::rounded(unsigned decimals) const {
  const auto value = divided(attos_, power_of_ten(kDecimals - std::min(decimals, kDecimals)));
  return decimal_text(value, std::min(decimals, kDecimals));
}

// In two parts, because the whole product may have more than 128 bits.
Money Money::share(std::uint64_t part, std::uint64_t whole) const {
  MUST(whole > 0 && part <= whole && whole < 1ull << 63);
  const __int128 by = static_cast<__int128>(whole);
  const __int128 each = attos_ / by, product = attos_ % by * static_cast<__int128>(part);
  const __int128 sum = each * static_cast<__int128>(part) + product / by, left = product % by;
  const __int128 twice = 2 * (left < 0 ? -left : left);
  const bool up = twice > by || (twice == by && sum % 2 != 0);  // half to even
  return Money(sum + (up ? (product < 0 ? -1 : 1) : 0));
}

Money& Money::operator+=(Money other) {
  __int128 sum = 0;
  if (__builtin_add_overflow(attos_, other.attos_, &sum)) sum = other.attos_ < 0 ? -kMostAttos : kMostAttos;
  attos_ = sum;
  return *this;
}

Result<UnitPrice> UnitPrice::parse(std::string_view text) {
  const auto nanos = parse_decimal(text, kDecimals, 6);
  if (!nanos) return nanos.error();
  return UnitPrice(static_cast<std::int64_t>(*nanos));
}

// nanos * 10^-9 * bytes / 10^9 is a count of 10^-18: below 10^15 * 2^64.
Money UnitPrice::each_gb(std::uint64_t bytes) const {
  return Money::of_attos(static_cast<__int128>(nanos_) * static_cast<__int128>(bytes));
}

Money UnitPrice::each_thousand(std::uint64_t requests) const {
  constexpr __int128 kPerRequest = kNano / 1000;
  __int128 attos = 0;
  if (__builtin_mul_overflow(static_cast<__int128>(nanos_) * static_cast<__int128>(requests), kPerRequest, &attos))
    attos = kMostAttos;
  return Money::of_attos(attos);
}

Money UnitPrice::each_gb_month(std::uint64_t byte_hours, unsigned hours) const {
  MUST(hours > 0);
  return Money::of_attos(divided(static_cast<__int128>(nanos_) * static_cast<__int128>(byte_hours), hours));
}

unsigned minor_digits(std::string_view currency) {
  static constexpr std::array<std::string_view, 16> kNone{"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
                                                          "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"};
  static constexpr std::array<std::string_view, 7> kThree{"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
  if (std::find(kNone.begin(), kNone.end(), currency) != kNone.end()) return 0;
  return std::find(kThree.begin(), kThree.end(), currency) != kThree.end() ? 3 : 2;
}

bool valid_currency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace weir
