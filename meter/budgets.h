#pragma once
// Budgets: what has been fetched from upstreams this day and this month, by whom, against what may be.
//
// Every byte that a loop receives from an upstream is noted here at once, by team and upstream alone: neither the repository that
// was asked for nor the room in the cells and in the ledger changes what is charged. Days and months are those of the calendar in
// UTC. A download that is under way when a hard limit is reached is fetched to its end. A budget in money is what the bill of the
// month so far says (meter/bill.h); it is worked out by settle(), so it is a flush interval late.
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
  // Something was received from an upstream, or anything else was counted, which is passed over. Takes a lock: not for hits.
  void note(HourNumber hour, const UsageKey& key, const Usage& usage);
  // Time has passed: works out anew where each budget stands.
  void settle();

  struct Verdict {
    std::string refusal;  // why nothing more is fetched; empty: it may be
    std::string warning;  // the soft limit is behind; empty: it is not
  };
  // Of a miss of that team at that upstream. Costs a lock, so it is nothing for a hit.
  Verdict ask(std::string_view team, std::string_view upstream) const;

  struct Standing {
    std::string name;
    int state = 0;  // 1: beyond the soft limit, 2: beyond the hard one
    double used = 0;  // of the hard limit, else of the soft one; for a graph, nothing is decided by it
  };
  std::vector<Standing> standings() const;

 private:
  struct Budget {
    BudgetOptions options;
    int state = 0;
    std::uint64_t bytes = 0;  // of its day or month so far
    Money money;  // as settle() last found it
    double used = 0;
    bool of(std::string_view team, std::string_view upstream) const {
      return options.who == (options.of == BudgetOptions::Of::team ? team : upstream);
    }
  };
  using Row = std::tuple<DayNumber, std::string, std::string>;  // day, team, upstream
  void settle_locked();
  bool counts_today(const Budget& budget, DayNumber day) const;
  static void judge(Budget& budget);
  static std::string said(const Budget& budget);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Budget> budgets_;  // guarded by mutex_, as all below
  std::shared_ptr<const Prices> prices_ = std::make_shared<const Prices>();
  std::map<Row, Usage> rows_;  // of this month
  DayNumber today_ = 0;
  bool changed_ = true;
};

}  // namespace weir
