#include "proxy/upstream/health.h"

namespace weir {

bool Health::may_ask() {
  std::lock_guard lock(mutex_);
  if (failures_ < kFailures) return true;
  const Instant now = clock_.now();
  if (now < next_try_) return false;
  next_try_ = now + kRetryAfter;  // the others wait for how this one fares
  return true;
}

void Health::answered() {
  std::lock_guard lock(mutex_);
  failures_ = 0;
}

void Health::silent() {
  std::lock_guard lock(mutex_);
  if (failures_ < kFailures) ++failures_;
  next_try_ = clock_.now() + kRetryAfter;
}

bool Health::is_silence(const Error& error) {
  return error.side == Side::upstream && (error.failure == Failure::unreachable || error.failure == Failure::timeout) &&
         error.status == 0;
}

}  // namespace weir
