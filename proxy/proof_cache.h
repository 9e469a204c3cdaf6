#pragma once
// ProofCache: for some minutes, "this caller may read that repository of this upstream" is believed without asking again.
//
// Of a credential nothing is kept but a hash, keyed with this process's own secret. Thread: any. Bounded: past 100,000 proofs the
// old ones go.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "oci/name.h"

namespace weir {

class RegistryClient;

class ProofCache {
 public:
  static constexpr Milliseconds kLife = std::chrono::minutes(5);

  explicit ProofCache(const Clock& clock);

  // What stands for a caller and a repository. `credential` as the caller sent it; empty: none.
  std::string key(const Name& repository, std::string_view credential) const;
  // Proofs are about an upstream as it is configured: a reload makes others.
  bool holds(const std::string& key, const std::shared_ptr<RegistryClient>& upstream) const;
  void insert(const std::string& key, const std::shared_ptr<RegistryClient>& upstream);

 private:
  struct Proof {
    std::weak_ptr<RegistryClient> upstream;
    Instant good_until;
  };

  const Clock& clock_;
  const std::string secret_;
  mutable std::mutex mutex_;
  std::map<std::string, Proof> proofs_;  // guarded by mutex_
};

}  // namespace weir
