#include "meter/report.h"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "meter/bill.h"

namespace weir {
namespace {

constexpr std::string_view kNothing = "-";

std::string shown_or_none(const std::string& text) { return text.empty() ? std::string(kNothing) : text; }

// One upstream's bills, and whether anything of it can be priced at all.
struct UpstreamBills {
  UpstreamBills(const Prices& prices, const std::string& name)
      : received(prices, name, PriceMeter::received_gb), sent(prices, name, PriceMeter::sent_gb),
        requests(prices, name, PriceMeter::request_1000), direct(prices, name, PriceMeter::received_gb),
        direct_requests(prices, name, PriceMeter::request_1000),
        known(prices.knows(name, PriceMeter::received_gb) || prices.knows(name, PriceMeter::request_1000)) {}

  Bill received, sent, requests, direct, direct_requests;
  const bool known;
  bool used = false;
};

// What a cell of the report was used for within a part of time that has one price.
struct CellSums {
  ReportFigures figures;
  std::uint64_t direct_bytes = 0, direct_requests = 0;
  bool touched = false;
};

class ReportMaker {
 public:
  ReportMaker(const UsageView& view, const Prices& prices, const ReportQuery& query)
      : view_(view), prices_(prices), query_(query), storage_(prices, std::string(Prices::kStorage), PriceMeter::gb_month) {
    report_.kind = query.kind;
    report_.by = query.by;
    by_day_ = std::find(query.by.begin(), query.by.end(), Dimension::day) != query.by.end();
    arrange();
  }

  Report make() {
    const auto from = std::max(query_.from, view_.begin()), to = std::max(from, std::min(query_.to, view_.end()));
    report_.from = hour_text(query_.from > 0 ? query_.from : from);
    report_.to = hour_text(query_.to != kNoEnd ? query_.to : to);
    if (from < to) read(from, to);
    settle();
    report_.other_requests = view_.other(from, to).requests;
    order_report(report_, query_.top);
    return std::move(report_);
  }

 private:
  // A cell is a group and an upstream; every series belongs to one.
  void arrange() {
    std::unordered_map<std::string, std::uint32_t> groups;  // by their keys, joined by NUL
    std::map<std::string, std::uint32_t> upstreams;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> cells;
    for (const auto& series : view_.series()) {
      auto keys = keys_of(series);
      std::string joined;
      for (const auto& key : keys) joined.append(key).append(1, '\0');
      const auto group = groups.try_emplace(std::move(joined), static_cast<std::uint32_t>(groups.size())).first;
      if (group->second == group_keys_.size()) group_keys_.push_back(std::move(keys));
      const auto upstream = upstreams.try_emplace(series.upstream, static_cast<std::uint32_t>(upstreams.size())).first;
      if (upstream->second == bills_.size()) bills_.push_back(std::make_unique<UpstreamBills>(prices_, series.upstream));
      const auto cell = cells.try_emplace({group->second, upstream->second}, static_cast<std::uint32_t>(cells.size())).first;
      if (cell->second == cells_.size()) cells_.push_back({group->second, upstream->second});
      cell_of_.push_back(cell->second);
    }
    sums_.resize(cells_.size());
    outside_.resize(bills_.size());
  }

  std::vector<std::string> keys_of(const Series& series) const {
    std::vector<std::string> keys;
    for (const auto dimension : query_.by) {
      switch (dimension) {
        case Dimension::identity: keys.push_back(shown_or_none(series.identity)); break;
        case Dimension::team: keys.push_back(shown_or_none(series.team)); break;
        case Dimension::repository: keys.push_back(shown_or_none(series.repository)); break;
        case Dimension::upstream: keys.push_back(shown_or_none(series.upstream)); break;
        case Dimension::outcome:
          keys.emplace_back(series.direction == Direction::stored ? kNothing : outcome_name(series.outcome));
          break;
        case Dimension::day: keys.emplace_back(); break;
      }
    }
    return keys;
  }

  // Month by month; what of a month lies outside takes part in its tiers.
  void read(HourNumber from, HourNumber to) {
    for (auto month = month_of(day_of(from)); Period{Grain::month, month}.begin() < to; ++month) {
      const Period whole{Grain::month, month};
      by_parts_ = by_day_ || prices_.changes_within(month);
      const auto coarsest = by_parts_ ? Grain::day : Grain::month;
      const auto begin = std::max(from, whole.begin()), end = std::min(to, whole.end());
      view_.rows(begin, end, coarsest,
                 [this](Period period, SeriesNumber number, const Usage& usage) { take(period, number, usage, sums_); });
      flush();
      if (prices_.empty() || (begin == whole.begin() && end == whole.end())) continue;
      for (const auto& [first, last] : {std::pair(whole.begin(), begin), std::pair(end, whole.end())}) {
        view_.rows(first, last, coarsest,
                   [this](Period period, SeriesNumber number, const Usage& usage) { take_outside(period, number, usage); });
      }
      flush_outside();
    }
  }

  // The day whose prices count for it, and that names its row.
  DayNumber part_of(Period period) const {
    const auto day = day_of(period.begin());
    return by_parts_ ? day : first_day(month_of(day));
  }

  void take(Period period, SeriesNumber number, const Usage& usage, std::vector<CellSums>& sums) {
    if (number >= cell_of_.size()) return;
    if (const auto day = part_of(period); day != day_) {
      flush();
      day_ = day;
    }
    const auto cell = cell_of_[number];
    if (!sums[cell].touched) touched_.push_back(cell);
    add(view_.series()[number], usage, sums[cell]);
  }

  static void add(const Series& series, const Usage& usage, CellSums& sums) {
    sums.touched = true;
    switch (series.direction) {
      case Direction::sent:
        sums.figures.requests += usage.requests;
        sums.figures.sent_bytes += usage.amount;
        if (!counts_as_pull(series.outcome)) break;
        sums.direct_requests += usage.requests;
        sums.direct_bytes += usage.amount;
        break;
      case Direction::received:
        sums.figures.upstream_requests += usage.requests;
        sums.figures.received_bytes += usage.amount;
        break;
      case Direction::stored: sums.figures.stored_byte_hours += usage.amount; break;
    }
  }

  void take_outside(Period period, SeriesNumber number, const Usage& usage) {
    if (number >= cell_of_.size()) return;
    if (const auto day = part_of(period); day != day_) {
      flush_outside();
      day_ = day;
    }
    add(view_.series()[number], usage, outside_[cells_[cell_of_[number]].upstream]);
  }

  std::size_t row_of(std::uint32_t group) {
    constexpr auto kNone = SIZE_MAX;
    if (by_day_ && rows_day_ != day_) {
      if (rows_by_group_.empty()) rows_by_group_.assign(group_keys_.size(), kNone);
      // Days mostly come one after another; one that comes again finds its rows.
      for (const auto known : rows_of_day_) rows_by_group_[known] = kNone;
      rows_of_day_.clear();
      for (auto at = rows_.lower_bound({day_, 0}); at != rows_.end() && at->first.first == day_; ++at) {
        rows_by_group_[at->first.second] = at->second;
        rows_of_day_.push_back(at->first.second);
      }
      rows_day_ = day_;
    }
    if (rows_by_group_.empty()) rows_by_group_.assign(group_keys_.size(), kNone);
    if (rows_by_group_[group] != kNone) return rows_by_group_[group];
    rows_by_group_[group] = report_.rows.size();
    if (by_day_) {
      rows_.emplace(std::pair(day_, group), report_.rows.size());
      rows_of_day_.push_back(group);
    }
    ReportRow row{group_keys_[group], {}};
    for (std::size_t i = 0; i < query_.by.size(); ++i) {
      if (query_.by[i] == Dimension::day) row.keys[i] = day_text(day_);
    }
    report_.rows.push_back(std::move(row));
    return report_.rows.size() - 1;
  }

  void flush() {
    for (const auto cell : touched_) {
      auto& sums = sums_[cell];
      const auto row = row_of(cells_[cell].group);
      report_.rows[row].figures += sums.figures;
      charge(row, sums, *bills_[cells_[cell].upstream]);
      sums = CellSums{};
    }
    touched_.clear();
  }

  void flush_outside() {
    for (std::size_t upstream = 0; upstream < outside_.size(); ++upstream) {
      if (outside_[upstream].touched) charge(Bill::kNobody, outside_[upstream], *bills_[upstream]);
      outside_[upstream] = CellSums{};
    }
  }

  void charge(std::size_t item, const CellSums& sums, UpstreamBills& bills) {
    const auto& figures = sums.figures;
    if (item != Bill::kNobody && (figures.received_bytes > 0 || sums.direct_bytes > 0)) bills.used = true;
    bills.received.add(item, day_, figures.received_bytes);
    bills.sent.add(item, day_, figures.sent_bytes);
    bills.requests.add(item, day_, figures.upstream_requests);
    bills.direct.add(item, day_, sums.direct_bytes);
    bills.direct_requests.add(item, day_, sums.direct_requests);
    storage_.add(item, day_, figures.stored_byte_hours);
  }

  void settle() {
    std::vector<Money> transfer(report_.rows.size()), requests = transfer, storage = transfer, direct = transfer;
    for (const auto& bills : bills_) {
      bills->received.settle(transfer);
      bills->sent.settle(transfer);
      bills->requests.settle(requests);
      bills->direct.settle(direct);
      bills->direct_requests.settle(direct);
      if (bills->used && !bills->known && !bills->received.what().empty()) report_.unpriced.push_back(bills->received.what());
    }
    storage_.settle(storage);
    for (std::size_t i = 0; i < report_.rows.size(); ++i) {
      auto& figures = report_.rows[i].figures;
      figures.transfer_cost = transfer[i];
      figures.request_cost = requests[i];
      figures.storage_cost = storage[i];
      figures.direct_cost = direct[i];
      report_.total += figures;
    }
    if (report_.total.stored_byte_hours > 0 && !prices_.knows(Prices::kStorage, PriceMeter::gb_month))
      report_.unpriced.emplace_back(Prices::kStorage);
    std::sort(report_.unpriced.begin(), report_.unpriced.end());
  }

  struct Cell {
    std::uint32_t group, upstream;
  };

  const UsageView& view_;
  const Prices& prices_;
  const ReportQuery& query_;
  Report report_;
  bool by_day_ = false;
  bool by_parts_ = false;  // the month that is read is priced day by day
  std::vector<std::vector<std::string>> group_keys_;
  std::vector<std::unique_ptr<UpstreamBills>> bills_;
  Bill storage_;
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> cell_of_;  // by the number of a series
  std::vector<CellSums> sums_;          // by cell, of day_
  std::vector<CellSums> outside_;       // by upstream, of day_
  std::vector<std::uint32_t> touched_;
  DayNumber day_ = 0;
  std::vector<std::size_t> rows_by_group_;  // of rows_day_, where rows are by day
  DayNumber rows_day_ = 0;
  std::vector<std::uint32_t> rows_of_day_;
  std::map<std::pair<DayNumber, std::uint32_t>, std::size_t> rows_;  // where they are by day
};

// What a row is measured by where the most come first.
Money weight_of(ReportKind kind, const ReportFigures& figures) {
  if (kind == ReportKind::cost && !figures.cost().zero()) return figures.cost();
  if (kind == ReportKind::savings && !figures.direct_cost.zero()) return figures.savings();
  return Money();
}

}  // namespace

bool counts_as_pull(Outcome outcome) { return outcome != Outcome::denied && outcome != Outcome::error; }

std::optional<Dimension> parse_dimension(std::string_view text) {
  for (std::size_t i = 0; i < kDimensionNames.size(); ++i) {
    if (kDimensionNames[i] == text) return static_cast<Dimension>(i);
  }
  return std::nullopt;
}

ReportFigures& ReportFigures::operator+=(const ReportFigures& other) {
  requests += other.requests;
  sent_bytes += other.sent_bytes;
  upstream_requests += other.upstream_requests;
  received_bytes += other.received_bytes;
  stored_byte_hours += other.stored_byte_hours;
  transfer_cost += other.transfer_cost;
  request_cost += other.request_cost;
  storage_cost += other.storage_cost;
  direct_cost += other.direct_cost;
  return *this;
}

void order_report(Report& report, std::size_t top) {
  const bool by_day = std::find(report.by.begin(), report.by.end(), Dimension::day) != report.by.end();
  std::sort(report.rows.begin(), report.rows.end(), [&](const ReportRow& a, const ReportRow& b) {
    if (by_day) return a.keys < b.keys;
    const auto of_a = weight_of(report.kind, a.figures), of_b = weight_of(report.kind, b.figures);
    if (of_a != of_b) return of_a > of_b;
    const auto bytes = [](const ReportFigures& figures) { return figures.sent_bytes + figures.received_bytes; };
    if (bytes(a.figures) != bytes(b.figures)) return bytes(a.figures) > bytes(b.figures);
    return a.keys < b.keys;
  });
  if (top == 0 || report.rows.size() <= top) return;
  report.left_out = report.rows.size() - top;
  report.rows.resize(top);
}

Report make_report(const UsageView& view, const Prices& prices, std::string_view currency, const ReportQuery& query) {
  auto report = ReportMaker(view, prices, query).make();
  report.currency = currency;
  return report;
}

}  // namespace weir
