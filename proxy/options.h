#pragma once
// What the admin listener and the freshness rules can be told.

#include <string>
#include <vector>

#include "base/clock.h"

namespace weir {

struct AdminOptions {
  // Health, metrics and the admin API over TCP; empty: none.
  std::vector<std::string> listen{"127.0.0.1:5001"};
  // The admin API for commands on this machine; empty: `admin.sock` in the cache directory.
  std::string socket;
};

struct FreshnessOptions {
  // A tag younger than this is answered without asking; 0: every time asked by HEAD. An upstream may say otherwise.
  Milliseconds tag_ttl = Seconds(300);
  // For how long "not there" is believed.
  Milliseconds negative_ttl = Seconds(30);
  // For how long after its last confirmation a tag may be answered while the upstream fails; 0: never.
  Milliseconds stale_if_error = std::chrono::hours(24 * 7);
};

}  // namespace weir
