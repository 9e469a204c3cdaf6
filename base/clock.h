#pragma once
// Time, passed in: the program uses SystemClock, tests move a ManualClock by hand.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace weir {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
// Monotonic, for deadlines and durations.
using Instant = std::chrono::steady_clock::time_point;
// Seconds since 1970, for what is stored or shown.
using WallSeconds = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallSeconds wall_seconds() const = 0;
  virtual std::int64_t wall_milliseconds() const = 0;
};

// Thread: any.
class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallSeconds wall_seconds() const override { return wall_milliseconds() / 1000; }
  std::int64_t wall_milliseconds() const override {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

// Thread: any; one thread moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallSeconds start = 1'000'000'000) : milliseconds_(start * 1000) {}
  void advance(Milliseconds by) { milliseconds_ += by.count(); }
  Instant now() const override { return Instant(Milliseconds(milliseconds_)); }
  WallSeconds wall_seconds() const override { return milliseconds_ / 1000; }
  std::int64_t wall_milliseconds() const override { return milliseconds_; }

 private:
  std::atomic<std::int64_t> milliseconds_;
};

}  // namespace weir
