#pragma once
// Report: usage in a span of time, in groups, with what it cost and what it would have cost without the cache.
//
// How a row is priced:
//   transfer   bytes received from the upstream by its transfer-gb, bytes sent to clients by its transfer-gb direction=sent
//   requests   requests made to the upstream by its request-1000
//   storage    byte-hours by storage's gb-month
//   cost       the sum of the three
//   direct     what clients got by hit, joined, miss, stale and bypass, priced as if each had pulled it straight from the
//   upstream savings    direct - cost
// A month's tiers are shared by all who used it (meter/bill.h), those outside of the report too: so the costs of two reports that
// divide a month add up. While a month is not over, its costs may still become cheaper by tiers that are not reached yet.
//
// Cost: a report of a year reads a row for each month and series. Thread: any.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meter/money.h"
#include "meter/prices.h"
#include "meter/usage_view.h"

namespace weir {

enum class Dimension : unsigned char { identity, team, repository, upstream, outcome, day };
inline constexpr std::array<std::string_view, 6> kDimensionNames{"identity", "team", "repository", "upstream", "outcome", "day"};
std::optional<Dimension> parse_dimension(std::string_view text);

enum class ReportKind : unsigned char { usage, cost, savings };
inline constexpr std::array<std::string_view, 3> kReportKindNames{"usage", "cost", "savings"};

struct ReportQuery {
  ReportKind kind = ReportKind::usage;
  HourNumber from = 0, to = kNoEnd;
  std::vector<Dimension> by;  // each once
  std::size_t top = 0;  // so many rows; 0: all
};

struct ReportFigures {
  std::uint64_t requests = 0, sent_bytes = 0;  // answered to clients
  std::uint64_t upstream_requests = 0, received_bytes = 0;  // made to upstreams
  std::uint64_t stored_byte_hours = 0;
  Money transfer_cost, request_cost, storage_cost, direct_cost;

  Money cost() const { return transfer_cost + request_cost + storage_cost; }
  Money savings() const { return direct_cost - cost(); }
  ReportFigures& operator+=(const ReportFigures& other);
  friend bool operator==(const ReportFigures&, const ReportFigures&) = default;
};

struct ReportRow {
  std::vector<std::string> keys;  // as ReportQuery::by; `-` where there is none
  ReportFigures figures;
};

struct Report {
  ReportKind kind = ReportKind::usage;
  std::string currency = "USD";
  std::string from, to;  // RFC 3339, the hours that were asked for or there are; `to` is the first that is not in it
  std::vector<Dimension> by;
  std::vector<ReportRow> rows;  // by day, if it is one; else the most first. At most `top`
  ReportFigures total;  // of all rows, those that were left out too
  std::size_t left_out = 0;  // rows beyond `top`
  std::vector<std::string> unpriced;  // upstreams, or `storage`, that were used and have no price, with kOnSomeDays: not always

  static constexpr const char* kOnSomeDays = " on some days";
  std::uint64_t other_requests = 0;  // counted as `other` because their hour had too many series
};

Report make_report(const UsageView& view, const Prices& prices, std::string_view currency, const ReportQuery& query);

// Sorts the rows and cuts them at `top`, which is 0 for all.
void order_report(Report& report, std::size_t top);

// What clients were given that they would have had to pull: errors and refusals are not.
bool counts_as_pull(Outcome outcome);

}  // namespace weir
