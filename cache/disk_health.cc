#include "cache/disk_health.h"

namespace weir {

bool DiskHealth::is_failure(const Error& error) {
  return error.side == Side::local && (error.failure == Failure::no_space || error.failure == Failure::io);
}

bool DiskHealth::may_write() {
  std::lock_guard lock(mutex_);
  if (!degraded_) return true;
  const Instant now = clock_.now();
  if (now < next_try_) return false;
  next_try_ = now + kRetryAfter;
  return true;
}

void DiskHealth::wrote() {
  std::lock_guard lock(mutex_);
  degraded_ = false;
}

bool DiskHealth::failed() {
  std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  const bool say = now >= next_word_;
  degraded_ = true;
  next_try_ = now + kRetryAfter;
  if (say) next_word_ = now + kSayAgain;
  return say;
}

bool DiskHealth::degraded() const {
  std::lock_guard lock(mutex_);
  return degraded_;
}

}  // namespace weir
