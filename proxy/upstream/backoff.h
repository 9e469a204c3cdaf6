#pragma once
// BackoffTable: what failed lately is not tried again at once: after a second, after two, and so on up to thirty.
// Who asks meanwhile gets the error there was. Thread: any. Bounded: it forgets everything beyond 10,000 keys.

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

// Up to half as long again, so that those who failed together do not come back together.
Milliseconds with_jitter(Milliseconds pause);

class BackoffTable {
 public:
  explicit BackoffTable(const Clock& clock) : clock_(clock) {}

  // The error to answer with; nothing when `key` may be tried.
  std::optional<Error> held_back(const std::string& key) const;
  void failed(const std::string& key, Error error);
  void succeeded(const std::string& key);

 private:
  struct Failed {
    Error error;
    Instant retry_at;
    Milliseconds pause;
  };
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Failed> failed_;  // guarded by mutex_
};

}  // namespace weir
