#include "meter/budgets.h"

#include <algorithm>

#include "base/text.h"
#include "meter/bill.h"

namespace weir {
namespace {

std::string budget_span_text(BudgetOptions::Span span) { return span == BudgetOptions::Span::day ? "today" : "this month"; }

// A share of two exact amounts, for a graph.
double graph_ratio(__int128 part, __int128 whole) {
  if (whole <= 0) return part > 0 ? 1 : 0;
  constexpr __int128 kSteps = 1'000'000;
  // Large ones lose digits that nobody sees.
  while (whole > (static_cast<__int128>(1) << 100)) {
    part /= 1024;
    whole /= 1024;
  }
  return static_cast<double>(part * kSteps / whole) / static_cast<double>(kSteps);
}

}  // namespace

void Budgets::configure(std::vector<BudgetOptions> budgets, std::shared_ptr<const Prices> prices) {
  std::lock_guard lock(mutex_);
  budgets_.clear();
  for (auto& options : budgets) budgets_.push_back({std::move(options), 0, 0, {}, 0});
  prices_ = std::move(prices);
  settle_locked();
}

void Budgets::load(const Ledger& ledger) {
  const Ledger::Snapshot snapshot(ledger);
  const auto series = snapshot.series();
  const auto day = day_of(hour_of(clock_.wall_seconds()));
  const Period month{Grain::month, month_of(day)};
  std::lock_guard lock(mutex_);
  rows_.clear();
  snapshot.rows(month.begin(), month.end(), Grain::day, [&](Period period, SeriesNumber number, const Usage& usage) {
    const auto& one = series.at(number);
    if (one.direction == Direction::received)
      rows_[{day_of(period.begin()), std::string(one.team), std::string(one.upstream)}] += usage;
  });
  changed_ = true;
  settle_locked();
}

void Budgets::note(HourNumber hour, const UsageKey& key, const Usage& usage) {
  if (key.direction != Direction::received) return;
  std::lock_guard lock(mutex_);
  const auto day = day_of(hour);
  rows_[{day, std::string(key.team), std::string(key.upstream)}] += usage;
  changed_ = true;
  for (auto& budget : budgets_) {
    if (!budget.of(key.team, key.upstream) || !counts_today(budget, day)) continue;
    budget.bytes += usage.amount;
    judge(budget);
  }
}

bool Budgets::counts_today(const Budget& budget, DayNumber day) const {
  return budget.options.span == BudgetOptions::Span::month ? month_of(day) == month_of(today_) : day == today_;
}

void Budgets::settle() {
  std::lock_guard lock(mutex_);
  const auto day = day_of(hour_of(clock_.wall_seconds()));
  if (changed_ || day != today_) settle_locked();
}

void Budgets::settle_locked() {
  today_ = day_of(hour_of(clock_.wall_seconds()));
  changed_ = false;
  // A month more than is asked for: a clock that was ahead for a moment takes nothing away.
  const auto month = month_of(today_);
  std::erase_if(rows_, [&](const auto& row) { return month_of(std::get<0>(row.first)) + 1 < month; });
  if (budgets_.empty()) return;

  const bool in_money = std::any_of(budgets_.begin(), budgets_.end(),
                                    [](const Budget& budget) { return !budget.options.currency.empty(); });
  std::vector<Money> costs(rows_.size());
  if (in_money) {
    std::map<std::string, std::pair<Bill, Bill>> bills;
    std::size_t item = 0;
    for (const auto& [row, usage] : rows_) {
      const auto& upstream = std::get<2>(row);
      auto bill = bills
                      .try_emplace(upstream, Bill(*prices_, upstream, PriceMeter::received_gb),
                                   Bill(*prices_, upstream, PriceMeter::request_1000))
                      .first;
      bill->second.first.add(item, std::get<0>(row), usage.amount);
      bill->second.second.add(item, std::get<0>(row), usage.requests);
      ++item;
    }
    for (auto& [upstream, bill] : bills) {
      bill.first.settle(costs);
      bill.second.settle(costs);
    }
  }
  for (auto& budget : budgets_) {
    budget.bytes = 0;
    budget.money = Money();
    std::size_t item = 0;
    for (const auto& [row, usage] : rows_) {
      const auto& [day, team, upstream] = row;
      if (budget.of(team, upstream) && counts_today(budget, day)) {
        budget.bytes += usage.amount;
        budget.money += costs[item];
      }
      ++item;
    }
    judge(budget);
  }
}

void Budgets::judge(Budget& budget) {
  const auto& options = budget.options;
  const auto beyond = [&](const std::optional<BudgetOptions::Limit>& limit) {
    if (!limit) return false;
    return limit->bytes ? budget.bytes >= *limit->bytes : budget.money >= *limit->money;
  };
  budget.state = beyond(options.hard) ? 2 : beyond(options.soft) ? 1 : 0;
  const auto& limit = options.hard ? *options.hard : *options.soft;
  budget.used = limit.bytes ? graph_ratio(static_cast<__int128>(budget.bytes), static_cast<__int128>(*limit.bytes))
                            : graph_ratio(budget.money.attos(), limit.money->attos());
}

// `budget NAME: team ml has BYTES of BYTES bytes this month`, of the limit that it has met.
std::string Budgets::said(const Budget& budget) {
  const auto& options = budget.options;
  const auto& met = (budget.state == 2 && options.hard) || !options.soft ? *options.hard : *options.soft;
  const auto decimals = minor_digits(options.currency);
  return "budget " + options.name + ": " + (options.of == BudgetOptions::Of::team ? "team " : "upstream ") + options.who +
         (met.bytes
              ? " has " + std::to_string(budget.bytes) + " of " + std::to_string(*met.bytes) + " bytes "
              : " has " + budget.money.rounded(decimals) + " of " + met.money->rounded(decimals) + ' ' + options.currency + ' ') +
         budget_span_text(options.span);
}

Budgets::Verdict Budgets::ask(std::string_view team, std::string_view upstream) const {
  Verdict verdict;
  std::lock_guard lock(mutex_);
  for (const auto& budget : budgets_) {
    if (budget.state == 0 || !budget.of(team, upstream)) continue;
    auto& text = budget.state == 2 ? verdict.refusal : verdict.warning;
    if (text.empty()) text = said(budget);
  }
  return verdict;
}

std::vector<Budgets::Standing> Budgets::standings() const {
  std::lock_guard lock(mutex_);
  std::vector<Standing> all;
  for (const auto& budget : budgets_) all.push_back({budget.options.name, budget.state, budget.used});
  return all;
}

}  // namespace weir
