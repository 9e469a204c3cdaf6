#pragma once
// Health: a circuit for one upstream. While it cannot be reached, a miss hears so in milliseconds instead of waiting for
// the same timeout as the one before; a request a second finds out whether it is back. Hits never come here.
// Thread: any.

#include <mutex>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

class Health {
 public:
  // This many failures in a row open the circuit ...
  static constexpr unsigned kFailures = 3;
  // ... and this long after the last one a single request may try.
  static constexpr auto kRetryAfter = Milliseconds(1000);

  explicit Health(const Clock& clock) : clock_(clock) {}

  // False: answer without asking. True: ask, and say how it went.
  bool may_ask();
  // Whatever the upstream answered, it is there.
  void answered();
  // No answer came: no connection, no TLS, no first byte.
  void silent();

  // An error that says nothing answered, as silent() means it.
  static bool is_silence(const Error& error);

 private:
  const Clock& clock_;
  std::mutex mutex_;
  unsigned failures_ = 0;  // guarded by mutex_
  Instant next_try_{};     // guarded by mutex_
};

}  // namespace weir
