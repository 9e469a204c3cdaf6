#include "meter/bill.h"

#include <algorithm>
#include <tuple>

namespace weir {

Bill::Bill(const Prices& prices, std::string what, PriceMeter meter)
    : prices_(prices), what_(std::move(what)), meter_(meter), known_(prices.knows(what_, meter)) {}

void Bill::add(std::size_t item, DayNumber day, std::uint64_t amount) {
  amount = std::min<std::uint64_t>(amount, INT64_MAX - total_);
  if (amount == 0) return;
  total_ += amount;
  if (!known_) {
    unpriced_ = true;
    return;
  }
  // What follows itself is one entry: most of what a report adds does.
  if (!entries_.empty() && entries_.back().item == item && entries_.back().day == day) entries_.back().amount += amount;
  else entries_.push_back({day, item, amount});
}

void Bill::settle(std::vector<Money>& costs) {
  const auto earlier = [](const Entry& a, const Entry& b) { return std::tie(a.day, a.item) < std::tie(b.day, b.item); };
  // Mostly they come in order.
  if (!std::is_sorted(entries_.begin(), entries_.end(), earlier)) std::sort(entries_.begin(), entries_.end(), earlier);
  for (std::size_t begin = 0; begin < entries_.size();) {
    const auto month = month_of(entries_[begin].day);
    const auto next = first_day(month + 1);
    auto end = begin;
    while (end < entries_.size() && entries_[end].day < next) ++end;
    settle_month(month, begin, end, costs);
    begin = end;
  }
}

void Bill::settle_month(MonthNumber month, std::size_t begin, std::size_t end, std::vector<Money>& costs) {
  auto starts = prices_.changes(what_, meter_, first_day(month), first_day(month + 1));
  starts.push_back(first_day(month + 1));
  std::uint64_t before = 0;
  auto from = first_day(month);
  for (const auto until : starts) {
    auto part_end = begin;
    std::uint64_t amount = 0;
    for (; part_end < end && entries_[part_end].day < until; ++part_end) amount += entries_[part_end].amount;
    const auto* tiers = prices_.tiers(what_, meter_, from);
    if (!tiers && amount > 0) unpriced_ = true;
    if (tiers && amount > 0) {
      const auto whole = Prices::price(*tiers, meter_, before, amount, month);
      std::uint64_t sum = 0;
      Money given;
      for (auto i = begin; i < part_end; ++i) {
        sum += entries_[i].amount;
        const auto until_here = whole.share(sum, amount);
        if (entries_[i].item != kNobody) costs[entries_[i].item] += until_here - given;
        given = until_here;
      }
    }
    before += amount;
    begin = part_end;
    from = until;
  }
}

}  // namespace weir
