#pragma once
// Money and prices as exact decimals. No floating point anywhere: a sum is the same in whatever order it was added up.
//
// A UnitPrice has at most nine decimals and Money counts in 10^-18, so a price times bytes or requests is exact. Two things are
// rounded, half to even: a price for a month of storage, which is divided by the hours of that month, to 10^-18; and what is
// shown, to the currency's minor unit. What is shown is never calculated with.
// Bounds: a sum beyond 1.7 * 10^20 stays there.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class Money {
 public:
  static constexpr unsigned kDecimals = 18;

  constexpr Money() = default;
  static constexpr Money of_attos(__int128 attos) { return Money(attos); }
  // `12`, `-0.5`, `3.000000001`: digits, maybe a point and up to 18 more. Error: invalid.
  static Result<Money> parse(std::string_view text);

  constexpr __int128 attos() const noexcept { return attos_; }
  constexpr bool zero() const noexcept { return attos_ == 0; }
  // Every digit there is, and none that says nothing: `0.0000001`.
  std::string text() const;
  // With so many decimals, half to even: `0.12` of 0.125.
  std::string rounded(unsigned decimals) const;
  // This times part / whole, half to even. REQUIRES: part <= whole < 2^63 and whole > 0.
  Money share(std::uint64_t part, std::uint64_t whole) const;

  Money& operator+=(Money other);
  friend Money operator+(Money a, Money b) { return a += b; }
  friend Money operator-(Money a, Money b) { return a += Money(-b.attos_); }
  friend constexpr auto operator<=>(Money, Money) = default;

 private:
  explicit constexpr Money(__int128 attos) : attos_(attos) {}
  __int128 attos_ = 0;
};

class UnitPrice {
 public:
  static constexpr unsigned kDecimals = 9;

  constexpr UnitPrice() = default;
  // From 0 to below a million, with up to nine decimals. Error: invalid.
  static Result<UnitPrice> parse(std::string_view text);

  std::string text() const { return each_gb(1'000'000'000).text(); }
  Money each_gb(std::uint64_t bytes) const;  // 1 GB = 10^9 bytes
  Money each_thousand(std::uint64_t requests) const;
  // Of a month that has so many hours.
  Money each_gb_month(std::uint64_t byte_hours, unsigned hours) const;

  friend constexpr auto operator<=>(UnitPrice, UnitPrice) = default;

 private:
  explicit constexpr UnitPrice(std::int64_t nanos) : nanos_(nanos) {}
  std::int64_t nanos_ = 0;
};

// How many decimals a currency is shown with, by its code in ISO 4217: 2 for most, 0 for JPY, 3 for KWD.
unsigned minor_digits(std::string_view currency);
// Three capital letters.
bool valid_currency(std::string_view text);

}  // namespace weir
