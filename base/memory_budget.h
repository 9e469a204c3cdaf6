#pragma once
// MemoryBudget: bytes that are held in memory for others, summed over the whole program, against a limit.
//
// A Share is charged before the memory is allocated and gives it back when it is destroyed. Where there is no room the caller
// waits (take), or refuses what it was asked for (exhausted).
// Thread: any. Takes a lock: not for hits.

#include <cstdint>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "base/wait.h"

namespace weir {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t capacity) : capacity_(capacity) {}
  MemoryBudget(const MemoryBudget&) = delete;

  // What one holder has. The budget must outlive it. Thread: one at a time.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share&& other) noexcept;
    ~Share() { shrink_to(0); }

    std::uint64_t bytes() const noexcept { return bytes_; }
    // Room for so many bytes in all. False: there is none, and it has what it had.
    bool grow_to(std::uint64_t bytes);
    void shrink_to(std::uint64_t bytes);

   private:
    friend class MemoryBudget;
    explicit Share(MemoryBudget* budget) : budget_(budget) {}
    MemoryBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  // Of nothing yet.
  Share share() { return Share(this); }
  // Waits for room. Error: exhausted() when there was none for that long.
  Task<Result<Share>> take(Loop& loop, std::uint64_t bytes, Milliseconds patience);
  // What is answered then: overloaded, of our own side, worth another try. It counts as refused.
  Error exhausted();

  std::uint64_t capacity() const noexcept { return capacity_; }
  std::uint64_t used() const;
  std::uint64_t refused() const;

 private:
  bool try_take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);

  const std::uint64_t capacity_;
  mutable std::mutex mutex_;
  std::uint64_t used_ = 0;     // guarded by mutex_, as all below
  std::uint64_t refused_ = 0;
  WaitList waiting_;
};

}  // namespace weir
