#pragma once
// UsageWriter: brings what the loops count (meter/cells.h) into the ledger, once a flush interval, on a thread of its own; and
// makes the loops' blocks of cells, before the old ones are full.
//
//   DIRECTORY/                  0700
//     ledger/data.mdb, lock.mdb
//     cells/17                  the block of epoch 17
//
// Where the disk takes nothing, counting goes on in memory, and what was counted goes into the ledger when it takes something
// again; only a kill -9 loses it then.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "meter/cells.h"
#include "meter/ledger.h"
#include "meter/options.h"

namespace weir {

// Names in a folder of metering; nothing else joins them.
struct UsageLayout {
  std::string directory;
  std::string ledger() const { return directory + "/ledger"; }
  std::string cells() const { return directory + "/cells"; }
  std::string cell(std::uint64_t epoch) const { return cells() + '/' + std::to_string(epoch); }
  static std::optional<std::uint64_t> epoch(std::string_view file_name);
};

class UsageWriter {
 public:
  struct Options {
    std::string directory;  // made when it is not there
    unsigned loops = 1;
    MeterOptions meter;
    bool durable = true;
    CellBlock::Size block;
  };
  // Counts what a killed program has left, before it returns. `log` may be null. Error: the ledger's; no_space and io.
  static Result<std::unique_ptr<UsageWriter>> open(const Clock& clock, Log* log, const Options& options);
  // Stops, and counts what is there to be counted: no loop may add any more.
  ~UsageWriter();

  UsageRecorder& recorder(unsigned loop) { return *recorders_[loop]; }

  // From now on a fold each flush interval. `folded` is called after each, on the thread that folds.
  void start(std::function<void()> folded = {});
  // Everything that was counted before goes into the ledger. Any thread. Error: the ledger's; nothing is lost by it.
  Status fold();

  // What is stored for each repository in that hour, once an hour: bytes. Any thread. An hour that was noted before is noted
  // no more.
  struct Stored {
    std::string repository, upstream;
    std::uint64_t bytes = 0;
  };
  Status note_stored(HourNumber hour, const std::vector<Stored>& stored);
  bool stored_noted(HourNumber hour);

  // What it all takes of the disk. Any thread.
  std::uint64_t room() const { return ledger_->file_bytes() + files_.load() * options_.block.bytes(); }

  Ledger& ledger() noexcept { return *ledger_; }
  // What is read is read of a snapshot.
  const Ledger& ledger() const noexcept { return *ledger_; }

 private:
  struct Block {
    std::unique_ptr<CellBlock> cells;
    std::vector<Usage> folded;  // by the number of a cell: what the ledger has
    UsageRecorder* owner = nullptr;  // null: a killed program's
    bool refilled = false;           // its successor was offered
  };

  UsageWriter(const Clock& clock, Log* log, const Options& options);
  Status take_over();
  std::unique_ptr<Block> make_block();
  Status fold_locked();
  Status fold_block(Block& block, bool last);
  void refill();
  void trim();
  void serve();

  const Clock& clock_;
  Log* const log_;
  const Options options_;
  const UsageLayout layout_;
  std::unique_ptr<Ledger> ledger_;
  std::vector<std::unique_ptr<UsageRecorder>> recorders_;
  std::function<void()> folded_;

  std::mutex folding_;                          // held for a fold
  std::vector<std::unique_ptr<Block>> blocks_;  // guarded by folding_
  HourNumber trimmed_ = 0;                      // guarded by folding_
  bool failing_ = false;                        // guarded by folding_; said once
  std::atomic<std::uint64_t> files_{0};         // of blocks

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace weir
