#pragma once
// UsageView: all usage there is at one moment: what the ledger has, and what the blocks of cells have beyond it, whether or not a
// program is adding to them. It changes nothing, and waits for nobody.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meter/ledger.h"

namespace weir {

class UsageView {
 public:
  // `directory` as UsageWriter's. Error: not_found when nothing was ever counted there; the ledger's.
  static Result<UsageView> open(const std::string& directory);

  // By number; some may stand for nothing. Views that are good as long as this one.
  const std::vector<UsageKey>& series() const noexcept { return series_; }
  // As Ledger::Snapshot::rows(); what is not in the ledger yet comes last, by hours.
  void rows(HourNumber from, HourNumber to, Grain coarsest, const Ledger::Snapshot::Visit& visit) const;
  // The first hour of anything, and the one behind the last; equal when there is nothing.
  HourNumber begin() const noexcept { return begin_; }
  HourNumber end() const noexcept { return end_; }
  // What was counted as `other` because its hour was full.
  Usage other(HourNumber from, HourNumber to) const { return snapshot_->other(from, to); }
  std::uint64_t ledger_bytes() const { return ledger_->file_bytes(); }

 private:
  struct Pending {
    HourNumber hour;
    SeriesNumber series;
    Usage usage;
  };
  bool look(const std::string& directory);
  void find_bounds();

  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Ledger::Snapshot> snapshot_;
  std::map<Series, SeriesNumber> fresh_;  // those that only pending usage has
  std::vector<UsageKey> series_;
  std::vector<Pending> pending_;
  HourNumber begin_ = 0, end_ = 0;
};

}  // namespace weir
