// What the tests of usage share: a ledger's contents as text, and keys in a few letters.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "meter/ledger.h"

#include <doctest/doctest.h>

namespace weir::testing {

inline UsageKey usage_key(std::string_view identity, std::string_view repository = "up/app", Outcome outcome = Outcome::hit,
                          Direction direction = Direction::sent, std::string_view upstream = "up") {
  return {identity, "none", repository, upstream, outcome, direction};
}

inline std::unique_ptr<Ledger> open_ledger(const std::string& directory, std::uint64_t max_series = 10'000, bool read_only = false) {
  auto ledger = Ledger::open({.directory = directory, .read_only = read_only, .max_series = max_series});
  REQUIRE_MESSAGE(ledger.ok(), (ledger ? "" : ledger.error().what));
  return *std::move(ledger);
}

// `GRAIN-NUMBER IDENTITY REPOSITORY DIRECTION REQUESTS/AMOUNT`, a row a line, in order.
inline std::string rows_of(const Ledger& ledger, HourNumber from = 0, HourNumber to = kNoEnd, Grain coarsest = Grain::hour) {
  const Ledger::Snapshot snapshot(ledger);
  const auto series = snapshot.series();
  std::map<std::string, std::string> sorted;
  std::string text;
  snapshot.rows(from, to, coarsest, [&](Period period, SeriesNumber number, const Usage& usage) {
    const char grain = period.grain == Grain::hour ? 'h' : period.grain == Grain::day ? 'd' : 'm';
    const auto& one = series.at(number);
    text += grain + std::to_string(period.number) + ' ' + std::string(one.identity) + ' ' + std::string(one.repository) + ' ' +
            std::string(kDirectionNames[static_cast<std::size_t>(one.direction)]) + ' ' + std::to_string(usage.requests) + '/' +
            std::to_string(usage.amount) + '\n';
  });
  return text;
}

// The sum over everything, by identity.
inline std::map<std::string, Usage> sums_by_identity(const Ledger& ledger) {
  const Ledger::Snapshot snapshot(ledger);
  const auto series = snapshot.series();
  std::map<std::string, Usage> sums;
  snapshot.rows(0, kNoEnd, Grain::month,
                [&](Period, SeriesNumber number, const Usage& usage) { sums[std::string(series.at(number).identity)] += usage; });
  return sums;
}

}  // namespace weir::testing
