#include "meter/report.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "meter/bill.h"
#include "meter/report_cells.h"

namespace weir {
namespace {

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

// What a cell of the report was used for within a part of time that has one price. One line of a processor's cache: a report of
// many cells comes back to each in no order.
struct alignas(64) CellSums {
  std::uint64_t requests = 0, sent_bytes = 0, upstream_requests = 0, received_bytes = 0, stored_byte_hours = 0;
  std::uint64_t direct_bytes = 0, direct_requests = 0;
  bool touched = false;

  void add(ReportCells::Counted as, const Usage& usage) {
    touched = true;
    switch (as) {
      case ReportCells::Counted::pulled:
        direct_requests += usage.requests;
        direct_bytes += usage.amount;
        [[fallthrough]];
      case ReportCells::Counted::refused:
        requests += usage.requests;
        sent_bytes += usage.amount;
        break;
      case ReportCells::Counted::received:
        upstream_requests += usage.requests;
        received_bytes += usage.amount;
        break;
      case ReportCells::Counted::stored: stored_byte_hours += usage.amount; break;
    }
  }
};

class ReportMaker {
 public:
  ReportMaker(const UsageView& view, const Prices& prices, const ReportQuery& query)
      : view_(view), prices_(prices), query_(query), cells_(view.series(), query.by),
        storage_(prices, std::string(Prices::kStorage), PriceMeter::gb_month), sums_(cells_.cells().size()),
        outside_(cells_.upstreams().size()) {
    report_.kind = query.kind;
    report_.by = query.by;
    by_day_ = std::find(query.by.begin(), query.by.end(), Dimension::day) != query.by.end();
    for (const auto upstream : cells_.upstreams())
      bills_.push_back(std::make_unique<UpstreamBills>(prices, std::string(upstream)));
    if (by_day_) return;
    for (std::uint32_t group = 0; group < cells_.groups(); ++group) rows_.push_back({0, group, false, {}});
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
  // What becomes a row; a report by days has one for each day and group, others have the groups as they are.
  struct Row {
    DayNumber day;
    std::uint32_t group;
    bool used;
    ReportFigures figures;
  };

  // Month by month; what of a month lies outside takes part in its tiers.
  void read(HourNumber from, HourNumber to) {
    for (auto month = month_of(day_of(from)); Period{Grain::month, month}.begin() < to; ++month) {
      const Period whole{Grain::month, month};
      by_parts_ = by_day_ || prices_.changes_within(month);
      const auto coarsest = by_parts_ ? Grain::day : Grain::month;
      const auto begin = std::max(from, whole.begin()), end = std::min(to, whole.end());
      view_.rows(begin, end, coarsest,
                 [this](Period period, SeriesNumber number, const Usage& usage) { take(period, number, usage); });
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

  void take(Period period, SeriesNumber number, const Usage& usage) {
    if (number >= cells_.places().size()) return;
    if (period != period_) {
      period_ = period;
      if (const auto day = part_of(period); day != day_) {
        flush();
        day_ = day;
      }
    }
    const auto [cell, as] = cells_.places()[number];
    if (!sums_[cell].touched) touched_.push_back(cell);
    sums_[cell].add(as, usage);
  }

  void take_outside(Period period, SeriesNumber number, const Usage& usage) {
    if (number >= cells_.places().size()) return;
    period_ = period;
    if (const auto day = part_of(period); day != day_) {
      flush_outside();
      day_ = day;
    }
    const auto [cell, as] = cells_.places()[number];
    outside_[cells_.cells()[cell].upstream].add(as, usage);
  }

  std::size_t row_of(std::uint32_t group) {
    if (!by_day_) return group;
    const auto [place, first] = row_numbers_.try_emplace(static_cast<std::uint64_t>(day_) << 32 | group, rows_.size());
    if (first) rows_.push_back({day_, group, false, {}});
    return place->second;
  }

  // In the order of the cells, which is the one that bills are sorted by.
  void flush() {
    if (touched_.size() > sums_.size() / 8) {
      for (std::uint32_t cell = 0; cell < sums_.size(); ++cell) {
        if (sums_[cell].touched) flush(cell);
      }
    } else {
      std::sort(touched_.begin(), touched_.end());
      for (const auto cell : touched_) flush(cell);
    }
    touched_.clear();
  }

  void flush(std::uint32_t cell) {
    auto& sums = sums_[cell];
    const auto [group, upstream] = cells_.cells()[cell];
    const auto number = row_of(group);
    auto& row = rows_[number];
    row.used = true;
    row.figures.requests += sums.requests;
    row.figures.sent_bytes += sums.sent_bytes;
    row.figures.upstream_requests += sums.upstream_requests;
    row.figures.received_bytes += sums.received_bytes;
    row.figures.stored_byte_hours += sums.stored_byte_hours;
    if (sums.received_bytes > 0 || sums.direct_bytes > 0) bills_[upstream]->used = true;
    charge(number, sums, *bills_[upstream]);
    sums = CellSums{};
  }

  void flush_outside() {
    for (std::size_t upstream = 0; upstream < outside_.size(); ++upstream) {
      if (outside_[upstream].touched) charge(Bill::kNobody, outside_[upstream], *bills_[upstream]);
      outside_[upstream] = CellSums{};
    }
  }

  void charge(std::size_t item, const CellSums& sums, UpstreamBills& bills) {
    bills.received.add(item, day_, sums.received_bytes);
    bills.sent.add(item, day_, sums.sent_bytes);
    bills.requests.add(item, day_, sums.upstream_requests);
    bills.direct.add(item, day_, sums.direct_bytes);
    bills.direct_requests.add(item, day_, sums.direct_requests);
    storage_.add(item, day_, sums.stored_byte_hours);
  }

  void settle() {
    std::vector<Money> transfer(rows_.size()), requests = transfer, storage = transfer, direct = transfer;
    for (std::size_t i = 0; i < bills_.size(); ++i) {
      auto& bills = *bills_[i];
      bills.received.settle(transfer);
      bills.sent.settle(transfer);
      bills.requests.settle(requests);
      bills.direct.settle(direct);
      bills.direct_requests.settle(direct);
      if (bills.used && !bills.known && !cells_.upstreams()[i].empty()) report_.unpriced.emplace_back(cells_.upstreams()[i]);
      const bool lapsed = bills.received.lapsed() || bills.sent.lapsed() || bills.requests.lapsed() || bills.direct.lapsed() ||
                          bills.direct_requests.lapsed();
      if (lapsed) report_.unpriced.push_back(std::string(cells_.upstreams()[i]) + Report::kOnSomeDays);
    }
    storage_.settle(storage);
    report_.rows.reserve(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      auto& [day, group, used, figures] = rows_[i];
      if (!used) continue;
      figures.transfer_cost = transfer[i];
      figures.request_cost = requests[i];
      figures.storage_cost = storage[i];
      figures.direct_cost = direct[i];
      report_.total += figures;
      report_.rows.push_back({cells_.keys(group), figures});
      for (std::size_t at = 0; by_day_ && at < query_.by.size(); ++at) {
        if (query_.by[at] == Dimension::day) report_.rows.back().keys[at] = day_text(day);
      }
    }
    if (report_.total.stored_byte_hours > 0 && !prices_.knows(Prices::kStorage, PriceMeter::gb_month))
      report_.unpriced.emplace_back(Prices::kStorage);
    if (storage_.lapsed()) report_.unpriced.push_back(std::string(Prices::kStorage) + Report::kOnSomeDays);
    std::sort(report_.unpriced.begin(), report_.unpriced.end());
  }

  const UsageView& view_;
  const Prices& prices_;
  const ReportQuery& query_;
  const ReportCells cells_;
  Report report_;
  bool by_day_ = false;
  bool by_parts_ = false;  // the month that is read is priced day by day
  std::vector<std::unique_ptr<UpstreamBills>> bills_;
  Bill storage_;
  std::vector<CellSums> sums_;     // by cell, of day_
  std::vector<CellSums> outside_;  // by upstream, of day_
  std::vector<std::uint32_t> touched_;
  Period period_{Grain::hour, UINT32_MAX};  // whose rows come
  DayNumber day_ = 0;
  std::vector<Row> rows_;
  std::unordered_map<std::uint64_t, std::size_t> row_numbers_;  // by day and group, where rows are by day
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
