#pragma once
// Cells: what a loop counts, in memory that outlives the program. A CellBlock is a file mapped by its loop, which adds to it, and by
// the writer (meter/usage_writer.h), which reads it.
//
// The protocol, so that kill -9 loses nothing that was counted and nothing counts twice:
//
//   1. A cell only grows. Nobody ever clears one.
//   2. The ledger remembers of each block, by its epoch, how far each cell was counted. A transaction adds what a cell has grown
//      by since then and notes the new figure: both, or neither.
//   3. An epoch is live from a transaction before the first count in its block until the one that counts its last and forgets what
//      rule 2 remembers. A file whose epoch is not live counts for nothing, and is removed.
//
// So wherever the program dies, the next start reads what the files of the live epochs hold beyond what the ledger remembers, and
// that is exactly what was counted and not in the ledger. No file of another program's life is ever added to again.
//
// The pages belong to the kernel when the program is killed. When the machine loses its power, they are as old as what the
// kernel had written: what the ledger has is safe, and up to a flush interval (or more, where the kernel waited) is lost. A cell
// that is behind what the ledger remembers adds nothing, and one whose key is damaged (its checksum) is passed over.
//
// Room for a block is allocated when it is made: a full disk makes none, and no page can be missing when a loop writes to it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "meter/period.h"
#include "meter/teams.h"
#include "meter/usage.h"

namespace weir {

class CellBlock {
 public:
  struct Size {
    std::uint32_t slots = 4096;
    std::uint32_t text = 256 << 10;  // bytes for keys
    // What the file takes.
    std::uint64_t bytes() const;
  };
  struct Slot;

  // A new file of that epoch; one of that name is replaced. Error: no_space, io.
  static Result<std::unique_ptr<CellBlock>> create(const std::string& path, std::uint64_t epoch, Size size);
  // For when the disk takes none: lost with the program. Its epoch is 0.
  static std::unique_ptr<CellBlock> in_memory(Size size);
  // What a program has left or is adding to, to be read. Error: corrupt when it is no block; not_found, io.
  static Result<std::unique_ptr<CellBlock>> read(const std::string& path);
  ~CellBlock();
  CellBlock(const CellBlock&) = delete;

  std::uint64_t epoch() const noexcept { return epoch_; }

  // ---- the loop's side ----
  // A cell for a key of that hour; nothing when the block is full. The key's views stay valid as long as the block.
  // The last eighth of a block is for keys without names, which stand for those that found no room.
  enum class Use { named, nameless };
  Slot* insert(HourNumber hour, std::string_view series, UsageKey& key, Use use = Use::named);
  static void add(Slot& slot, const Usage& usage) noexcept;
  // Counts what has no cell: by outcome and direction alone, in the hour of the latest.
  void add_overflow(HourNumber hour, Outcome outcome, Direction direction, const Usage& usage) noexcept;
  // Nothing more is added.
  void leave() noexcept { left_.store(true, std::memory_order_release); }

  // ---- the reader's side; any thread ----
  bool left() const noexcept { return left_.load(std::memory_order_acquire); }
  // Half of it is taken, or something had no room.
  bool filling() const noexcept;
  // Each cell by a number that stays its own: how far it has come.
  using Visit = std::function<void(std::uint32_t number, HourNumber hour, const UsageKey& key, const Usage& usage)>;
  void each(const Visit& visit) const;

 private:
  struct Header;
  CellBlock(void* memory, std::size_t bytes) : memory_(memory), bytes_(bytes) {}
  static void begin(CellBlock& block, std::uint64_t epoch, Size size);
  Header& header() const noexcept { return *static_cast<Header*>(memory_); }
  Slot* slots() const noexcept;
  char* text() const noexcept;

  void* memory_;
  std::size_t bytes_;
  std::uint64_t epoch_ = 0;
  Size size_{};
  std::uint32_t text_used_ = 0;  // the loop's
  std::atomic<bool> left_{false};
};

// What one loop counts with. Thread: its loop's, but offer() and block().
class UsageRecorder {
 public:
  UsageRecorder(const Clock& clock, CellBlock* first, std::shared_ptr<const Teams> teams);
  UsageRecorder(const UsageRecorder&) = delete;

  // A look into a table and two additions; no lock, no call to the kernel, but for what was received, which is charged as well.
  // The key's team is not looked at. A key that finds no cell counts as identity and repository `other` of its team, upstream,
  // outcome and direction.
  void add(const UsageKey& key, const Usage& usage);
  // Is told of all that is received from upstreams, with its team, whether there is a cell for it or not.
  using Charge = std::function<void(HourNumber hour, const UsageKey& key, const Usage& usage)>;
  void set_charge(Charge charge) { charge_ = std::move(charge); }
  // Whose team an identity's usage is counted for from now on.
  void set_teams(std::shared_ptr<const Teams> teams);
  const Teams& teams() const noexcept { return *teams_; }

  // The writer's: a fresh block that is taken when the next new cell is needed; the present one is left then. False: the one
  // before was not taken yet.
  bool offer(CellBlock* next);
  bool has_offer() const { return offered_.load(std::memory_order_acquire) != nullptr; }

 private:
  struct Hash {
    std::size_t operator()(const UsageKey& key) const noexcept;
  };
  CellBlock::Slot* insert(const UsageKey& key);
  CellBlock::Slot* nameless(const UsageKey& key);
  void forget_slots();

  const Clock& clock_;
  CellBlock* current_;
  std::shared_ptr<const Teams> teams_;
  HourNumber hour_ = 0;
  // By a key without its team.
  std::unordered_map<UsageKey, CellBlock::Slot*, Hash> slots_;
  // For what found no room, by a key with its team and without names.
  std::unordered_map<UsageKey, CellBlock::Slot*, Hash> nameless_;
  Charge charge_;
  std::string scratch_;
  std::atomic<CellBlock*> offered_{nullptr};
};

}  // namespace weir
