#pragma once
// NegativeCache: for a short while, "the upstream has no such thing" is believed without asking again.
// Thread: any. Bounded: past 100,000 entries the old ones go.

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "oci/name.h"

namespace weir {

class NegativeCache {
 public:
  explicit NegativeCache(const Clock& clock) : clock_(clock) {}

  // `what`: a tag or a digest of that repository.
  bool contains(const Name& repository, const std::string& what) const;
  void insert(const Name& repository, const std::string& what, Milliseconds how_long);
  void erase(const Name& repository, const std::string& what);
  void clear();

 private:
  static std::string key_of(const Name& repository, const std::string& what) { return repository.text() + '\n' + what; }

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Instant> until_;  // guarded by mutex_
};

}  // namespace weir
