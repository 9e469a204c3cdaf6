#pragma once
// Budgets: what has been fetched from upstreams this day and this month, by whom, against what may be.
//
// What counts is what the ledger counts as received, of the calendar's day or month in UTC, a flush interval late: what is under
// way when a hard limit is reached is fetched to its end. In money it is what the bill of the month so far says (meter/bill.h).
// Thread: any.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "meter/budget_options.h"
#include "meter/ledger.h"
#include "meter/prices.h"

namespace weir {

class Budgets {
 public:
  explicit Budgets(const Clock& clock) : clock_(clock) {}

  // From now on these; what was used stays known.
  void configure(std::vector<BudgetOptions> budgets, std::shared_ptr<const Prices> prices);
  // What this month has used so far. Before anything is noted.
  void load(const Ledger& ledger);
  // Something went into the ledger.
  void note(HourNumber hour, const UsageKey& key, const Usage& usage);
  // All of a fold was noted, or time has passed: works out where each budget stands.
  void settle();

  struct Verdict {
    std::string refusal;  // why nothing more is fetched; empty: it may be
    std::string warning;  // the soft limit is behind; empty: it is not
  };
  // Of a miss of that team at that upstream. Costs a lock, so it is nothing for a hit.
  Verdict ask(std::string_view team, std::string_view upstream) const;

  struct Standing {
    std::string name;
    int state = 0;       // 1: beyond the soft limit, 2: beyond the hard one
    double used = 0;     // of the hard limit, else of the soft one; for a graph, nothing is decided by it
  };
  std::vector<Standing> standings() const;

 private:
  struct Budget {
    BudgetOptions options;
    int state = 0;
    std::string said;  // `budget NAME: team ml has fetched ... this month`
    double used = 0;
  };
  using Row = std::tuple<DayNumber, std::string, std::string>;  // day, team, upstream
  void settle_locked();
  void judge(Budget& budget, std::uint64_t bytes, Money money) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Budget> budgets_;            // guarded by mutex_, as all below
  std::shared_ptr<const Prices> prices_ = std::make_shared<const Prices>();
  std::map<Row, Usage> rows_;              // of this month
  DayNumber today_ = 0;
  bool changed_ = true;
};

}  // namespace weir
