#pragma once
// Ledger: usage by hour, day and month for each series (meter/usage.h), in one LMDB file of its own:
//
//   hours    hour, series   -> requests, amount       for as long as `retention` says
//   days     day, series    -> requests, amount       for ten times as long
//   months   month, series  -> requests, amount       for good
//   series   number         -> the key                the numbers above
//   numbers  hash of a key  -> number
//   crowds   hour           -> how many series it has, and what was counted as `other` for want of room
//   folded   epoch, cell    -> how far a cell of a block was counted (meter/cells.h)
//   live     epoch          -> (nothing)
//   meta     "schema", "series", "epoch", "hours-from", "days-from", "sampled"
//
// All three grains are written in the transaction that counts something, so none is ever behind another, and a report of a year
// reads months. An hour has at most `max_series` series: what comes beyond is counted for identity and repository `other`, of the
// same team, upstream, outcome and direction.
//
// Thread: a Fold by one thread at a time, reads by any, each on a snapshot.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/lmdb.h"
#include "meter/period.h"
#include "meter/usage.h"

namespace weir {

using SeriesNumber = std::uint32_t;

class Ledger {
 public:
  struct Options {
    std::string directory;  // must exist
    bool read_only = false;
    bool durable = true;
    std::uint64_t max_series = 10'000;  // in an hour
  };
  // Error: not_found when it is opened for reading and there is none; unsupported when a newer program made it; corrupt, io.
  static Result<std::unique_ptr<Ledger>> open(const Options& options);

  // One transaction. Destroyed without commit(): nothing happened.
  class Fold {
   public:
    explicit Fold(Ledger& ledger);
    // Adds to all three grains.
    Status add(HourNumber hour, const UsageKey& key, const Usage& usage);

    // A new epoch, live from the commit on.
    Result<std::uint64_t> begin_epoch();
    // Nothing of it will be counted any more.
    Status end_epoch(std::uint64_t epoch);
    Status note_folded(std::uint64_t epoch, std::uint32_t cell, const Usage& usage);

    // Removes up to `most` rows of hours before the one, and of days before the other. How many it found.
    Result<std::size_t> trim(HourNumber hours_from, DayNumber days_from, std::size_t most);
    // The hour whose storage was counted last.
    std::uint32_t sampled() const;
    Status note_sampled(HourNumber hour);

    Status commit();

   private:
    std::optional<SeriesNumber> known(std::string_view series);
    Result<SeriesNumber> number_of(std::string_view series);  // a new one, if it has none
    Result<SeriesNumber> admitted(HourNumber hour, const UsageKey& key, const Usage& usage);
    Status put_crowd(HourNumber hour, std::uint64_t series, const Usage& other);
    Status increase(Table table, std::uint32_t period, SeriesNumber series, const Usage& usage);
    Result<std::size_t> trim_table(Table table, const char* meta, std::uint32_t from, std::size_t most);

    Ledger& ledger_;
    WriteTransaction transaction_;
    std::unordered_map<std::string, SeriesNumber> fresh_;
    Usage other_;
    std::string series_, other_series_;
  };

  // What was committed at one moment. Short-lived: it holds the file's old pages.
  class Snapshot {
   public:
    explicit Snapshot(const Ledger& ledger);
    // Every series there is, by its number; one that cannot be read has no texts. Views of the file: not longer than the snapshot.
    std::vector<UsageKey> series() const;
    using Visit = std::function<void(Period period, SeriesNumber series, const Usage& usage)>;
    // Everything of [from, to) once, each part by the coarsest grain up to `coarsest` that fits into it; in the order of time.
    // Where only a coarser one is kept, that counts where its first hour is.
    void rows(HourNumber from, HourNumber to, Grain coarsest, const Visit& visit) const;
    // The first hour, and the first day, of which there still are rows of that grain.
    HourNumber hours_from() const;
    DayNumber days_from() const;
    // The first hour of anything; nothing: it is empty.
    std::optional<HourNumber> begin() const;
    // The hour behind the last of anything, by the finest grain that tells it.
    std::optional<HourNumber> end() const;
    bool live(std::uint64_t epoch) const;
    std::vector<std::uint64_t> epochs() const;
    // By cell, of one epoch.
    std::map<std::uint32_t, Usage> folded(std::uint64_t epoch) const;
    // What was counted as `other` because its hour was full.
    Usage other(HourNumber from, HourNumber to) const;

   private:
    void scan(Table table, Grain grain, std::uint32_t from, std::uint32_t to, const Visit& visit) const;
    std::optional<std::uint32_t> next(Table table, std::uint32_t least) const;
    void rows_by_day(HourNumber from, HourNumber to, Grain coarsest, HourNumber hours_kept, const Visit& visit) const;
    ReadTransaction transaction_;
  };

  std::uint64_t file_bytes() const { return environment_->file_bytes(); }
  // What this program has counted as `other` because an hour was full.
  std::uint64_t other_requests() const noexcept { return other_requests_.load(); }
  bool damaged() const noexcept { return environment_->damaged(); }

 private:
  Ledger(const Options& options, std::unique_ptr<LmdbEnvironment> environment);
  Status check_schema();

  const Options options_;
  std::unique_ptr<LmdbEnvironment> environment_;
  std::unordered_map<std::string, SeriesNumber> numbers_;  // the writer's; what was committed
  std::atomic<std::uint64_t> other_requests_{0};
};

}  // namespace weir
