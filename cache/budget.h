#pragma once
// Budget: how much room the store may take, and who holds it.
//
// Counted are blobs, downloads under way with all they will need, leftovers, the index, what metering takes, and the ballast. Two
// bounds hold at once: all that never exceeds the capacity, and the file system keeps the reserve free. Thread: any.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/file_system.h"
#include "cache/index.h"
#include "cache/leftovers.h"
#include "cache/options.h"

namespace weir {

class Budget {
 public:
  Budget(FileSystem& disk, const Index& index, const Leftovers& leftovers, const CacheOptions& options);

  // What the bounds come to, by the size of the file system.
  std::uint64_t capacity() const;
  std::uint64_t reserve() const;
  std::uint64_t last_copies() const { return options_.last_copies.of(capacity()); }
  // What the store takes now.
  std::uint64_t taken() const;

  // How much must go before `bytes` fit in; 0: they fit. `others`: it is for the reserve's sake alone.
  struct Shortage {
    std::uint64_t bytes = 0;
    bool others = false;
  };
  Shortage shortage(std::uint64_t bytes) const;
  // What must go so that there is room ahead of need: nothing until half of the headroom is gone, then up to all of it.
  std::uint64_t ahead() const;
  // Whether that much could fit if everything else went.
  bool could_hold(std::uint64_t bytes) const { return bytes <= capacity(); }
  // Whether so much can be made free at all: blobs and leftovers, if all of them may go.
  bool could_free(std::uint64_t bytes) const { return bytes <= index_.totals().room + leftovers_.room(); }
  // What the file system has free now.
  std::uint64_t free() const { return space().free; }

  // Holds so much for somebody; false: it does not fit.
  bool take(std::uint64_t bytes);
  // `promised`: how much of that the disk had not given yet.
  void give_back(std::uint64_t bytes, std::uint64_t promised);
  // The disk has given so much of what is held.
  void note_given(std::uint64_t bytes);

  // Blobs that have no record any more and are on the disk still.
  void set_leaving(std::uint64_t bytes) { leaving_.store(bytes); }
  void set_ballast(std::uint64_t bytes) { ballast_.store(bytes); }
  // What the ledger of usage and what belongs to it take of the directory.
  void set_metering(std::uint64_t bytes) { metering_.store(bytes); }

 private:
  FileSystem::Space space() const;
  std::uint64_t taken_locked() const;
  Shortage shortage_locked(std::uint64_t bytes, std::uint64_t headroom) const;

  FileSystem& disk_;
  const Index& index_;
  const Leftovers& leftovers_;
  const CacheOptions& options_;
  std::atomic<std::uint64_t> leaving_{0}, ballast_{0}, metering_{0};
  mutable std::mutex mutex_;
  std::uint64_t held_ = 0;  // guarded by mutex_
  std::uint64_t promised_ = 0;  // guarded by mutex_: of held_, what the file system still counts as free
};

// Room held in a budget, given back at its end.
class Reservation {
 public:
  explicit Reservation(Budget& budget) : budget_(budget) {}
  ~Reservation() { shrink_to(0); }
  Reservation(const Reservation&) = delete;

  std::uint64_t bytes() const noexcept { return bytes_; }
  // Holds at least `total`; false: that does not fit, and it holds what it held.
  bool grow_to(std::uint64_t total);
  void shrink_to(std::uint64_t total);
  // So much of it is on the disk, by allocation or by writing.
  void note_given(std::uint64_t total);

 private:
  Budget& budget_;
  std::uint64_t bytes_ = 0, given_ = 0;
};

}  // namespace weir
