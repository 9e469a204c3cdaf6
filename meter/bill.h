#pragma once
// Bill: what items cost that share the tiers of one price: all that one upstream sent, or all that is stored.
//
// Within a calendar month every item pays the same for a byte, whenever it came: what the month's amount costs by its tiers is
// divided among the items by their amounts, so that nobody pays the dear first terabyte for all. Where prices change within a
// month, each part of it is divided by itself, and its tiers begin where the part before ended.
// What the items cost adds up exactly to what the whole costs: each is given the difference between two shares of the whole, each
// rounded at the eighteenth decimal.

#include <cstdint>
#include <string>
#include <vector>

#include "meter/prices.h"

namespace weir {

class Bill {
 public:
  Bill(const Prices& prices, std::string what, PriceMeter meter);

  // `item`: a number of the caller's, kNobody for what takes part in the tiers and is not asked about.
  static constexpr std::size_t kNobody = SIZE_MAX;
  void add(std::size_t item, DayNumber day, std::uint64_t amount);
  // Adds to costs[item] what each costs. Sorts what was added.
  void settle(std::vector<Money>& costs);
  // Something was added on a day that has no price.
  bool unpriced() const noexcept { return unpriced_; }
  // The same, and other days have one.
  bool lapsed() const noexcept { return known_ && unpriced_; }

 private:
  struct Entry {
    DayNumber day;
    std::size_t item;
    std::uint64_t amount;
  };
  void settle_month(MonthNumber month, std::size_t begin, std::size_t end, std::vector<Money>& costs);

  const Prices& prices_;
  const std::string what_;
  const PriceMeter meter_;
  const bool known_;  // it has a price on some day
  std::vector<Entry> entries_;
  std::uint64_t total_ = 0;  // kept below 2^63, whatever a damaged ledger says
  bool unpriced_ = false;
};

}  // namespace weir
