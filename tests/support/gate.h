// A point in a response that the server does not pass until the test says so: a wait without a clock.
//
//   auto gate = upstream.hold("/blobs/", 1000);      // every GET of a blob sends 1000 bytes of body, then waits
//   REQUIRE(gate->wait_until_reached());
//   ... look at what a client has got ...
//   gate->release();
//
// All functions may be called by any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "tests/support/wait.h"

namespace weir::testing {

// The position in front of the response's head.
inline constexpr std::int64_t kBeforeHead = -1;

class Gate {
 public:
  explicit Gate(std::int64_t position) : position_(position) {}

  // Test side.

  // Lets everything pass, now and later.
  void release();

  // Moves the gate forward: responses go on to byte `position` of their body and wait there.
  void advance_to(std::int64_t position);

  // True when at least `responses` responses wait here at the same time.
  [[nodiscard]] bool wait_until_reached(int responses = 1, Milliseconds timeout = kPatience);

  int waiting() const;

  // Server side.

  // How many bytes of body may be sent when `position` have been; 0 means pass() would wait.
  std::uint64_t room(std::int64_t position) const;

  // Waits while the gate stands at or before `position`. False when `gone` became true first; it is asked now and then.
  bool pass(std::int64_t position, const std::function<bool()>& gone);

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::int64_t position_;  // guarded by mutex_, as all below
  bool released_ = false;
  int waiting_ = 0;
};

}  // namespace weir::testing
