// Time as the tests see it. Every wait has an end, so a broken program fails a test and never hangs it.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>
#include <thread>

namespace weir::testing {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Deadline = Clock::time_point;

// How long a test waits for something that a healthy program does at once. Generous, because only a failing test
// ever waits this long, and sanitizers on a busy machine are slow.
inline constexpr Milliseconds kPatience{20'000};

inline constexpr Deadline kNever = Deadline::max();

inline Deadline within(Milliseconds duration) { return Clock::now() + duration; }

// The time left, as poll(2) wants it: -1 for kNever, 0 when it has passed, else rounded up.
inline int poll_timeout(Deadline deadline) {
  if (deadline == kNever) return -1;
  auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

// Asks `predicate` every two milliseconds. True as soon as it holds, false when the deadline has passed.
template <typename Predicate>
[[nodiscard]] bool wait_until(Predicate&& predicate, Deadline deadline) {
  while (!predicate()) {
    if (Clock::now() >= deadline) return predicate();
    std::this_thread::sleep_for(Milliseconds(2));
  }
  return true;
}

template <typename Predicate>
[[nodiscard]] bool wait_until(Predicate&& predicate, Milliseconds timeout = kPatience) {
  return wait_until(predicate, within(timeout));
}

}  // namespace weir::testing
