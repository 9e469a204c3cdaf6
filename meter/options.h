#pragma once
// What metering and prices can be told.

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "meter/budget_options.h"
#include "meter/prices.h"
#include "meter/teams.h"

namespace weir {

struct MeterOptions {
  // How often what was counted goes into the ledger; a power cut loses up to so much.
  Milliseconds flush_interval = Seconds(1);
  // How long usage is known by the hour; by the day ten times as long, by the month for good.
  Milliseconds retention = std::chrono::hours(24 * 90);
  // Combinations of identity, repository, upstream, outcome and direction in an hour; what is beyond is counted as `other`.
  unsigned max_series = 10'000;
  std::vector<TeamOptions> teams;      // the first whose patterns match an identity has it
  std::vector<BudgetOptions> budgets;
};

struct PriceOptions {
  std::string currency = "USD";  // ISO 4217
  std::string file;              // prices.rules; empty: nothing has a price
  // What the file says, read when the configuration is.
  std::shared_ptr<const Prices> prices = std::make_shared<const Prices>();
};

}  // namespace weir
