#pragma once
// RequestCounters: the cells that every request adds to, found once a loop and kept, so that a hit looks up no labels.
// Thread: one loop's.

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meter/counters.h"
#include "meter/outcome.h"
#include "oci/route.h"

namespace weir {

class RequestCounters {
 public:
  explicit RequestCounters(Counters& counters) : counters_(counters) {}

  Cell& sent_bytes(Outcome outcome) {
    auto*& cell = sent_bytes_[static_cast<std::size_t>(outcome)];
    if (!cell) cell = &counters_.cell(Metric::sent_bytes, outcome_name(outcome));
    return *cell;
  }

  Histogram& first_byte(Outcome outcome) {
    auto*& histogram = first_byte_[static_cast<std::size_t>(outcome)];
    if (!histogram) histogram = &counters_.histogram(Metric::first_byte, outcome_name(outcome));
    return *histogram;
  }

  // `result` is a literal: what came of the question who asks.
  Cell& auth(std::string_view result) {
    for (const auto& [known, cell] : auth_) {
      if (known == result) return *cell;
    }
    return *auth_.emplace_back(result, &counters_.cell(Metric::auth, result)).second;
  }
  // `allow`, `deny`, `audit`.
  Cell& policy(std::string_view effect) {
    for (const auto& [known, cell] : policy_) {
      if (known == effect) return *cell;
    }
    return *policy_.emplace_back(effect, &counters_.cell(Metric::policy_decisions, effect)).second;
  }

  Cell& requests(Outcome outcome, const Route& route, int status) {
    auto& known = requests_[static_cast<std::size_t>(outcome)][static_cast<std::size_t>(route.kind)];
    for (const auto& [code, cell] : known) {
      if (code == status) return *cell;
    }
    std::string labels(outcome_name(outcome));
    labels.append(1, ',').append(route.name()).append(1, ',').append(std::to_string(status));
    return *known.emplace_back(status, &counters_.cell(Metric::requests, labels)).second;
  }

 private:
  static constexpr std::size_t kOutcomes = kOutcomeNames.size();
  static constexpr std::size_t kRoutes = static_cast<std::size_t>(Route::Kind::keys) + 1;

  Counters& counters_;
  std::vector<std::pair<std::string_view, Cell*>> auth_;
  std::array<Cell*, kOutcomes> sent_bytes_{};
  std::array<Histogram*, kOutcomes> first_byte_{};
  std::vector<std::pair<std::string_view, Cell*>> policy_;
  // Few codes an outcome and route: a walk is quicker than a map.
  std::array<std::array<std::vector<std::pair<int, Cell*>>, kRoutes>, kOutcomes> requests_;
};

}  // namespace weir
