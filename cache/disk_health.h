#pragma once
// DiskHealth: whether the store can be written to, as the last attempts say. While it cannot, nobody asks an upstream for bytes
// only to find that there is no room for them; an attempt every few seconds finds out whether there is again.
// Thread: any.

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

class DiskHealth {
 public:
  static constexpr auto kRetryAfter = Seconds(5);
  static constexpr auto kSayAgain = Seconds(60);

  explicit DiskHealth(const Clock& clock) : clock_(clock) {}

  // Full, over a quota, broken or read-only: what is served need not fail because of it.
  static bool is_failure(const Error& error);
  // What cannot be kept for this reason can be passed through: the disk failed, or there is no room in the budget.
  static bool passes(const Error& error) { return is_failure(error) || error.failure == Failure::over_budget; }

  // False: write nothing. True: try, and say how it went.
  bool may_write();
  void wrote();
  // True when it should be said in the log: the first time, and no more than once a minute, also when it heals in between.
  bool failed();

  bool degraded() const;

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  bool degraded_ = false;  // guarded by mutex_
  Instant next_try_{};     // the same
  Instant next_word_{};    // the same
};

}  // namespace weir
