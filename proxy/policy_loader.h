#pragma once
// PolicyLoader: the rules the program serves by, read at the start and again while it serves.

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "cache/blob_store.h"
#include "policy/policy.h"
#include "proxy/site.h"

namespace weir {

// Thread: any; everything blocks, so never a loop.
class PolicyLoader {
 public:
  PolicyLoader(BlobStore& store, Log& log) : store_(store), log_(log) {}

  // Every mistake is logged, and failed() says so until a good one comes. A first rule that speaks of when a digest was first
  // seen begins the quarantine. Error: invalid, or that of the store.
  Result<std::shared_ptr<const Policy>> load(const PolicyOptions& options);

  // The same file again, in the place of the old rules.
  Result<std::shared_ptr<const Policy>> reload(Site& site);

  bool failed() const noexcept { return failed_.load(); }
  // One change of settings at a time: who holds this reads them and replaces them.
  std::unique_lock<std::mutex> hold_settings() { return std::unique_lock(settings_); }

 private:
  BlobStore& store_;
  Log& log_;
  std::atomic<bool> failed_{false};
  std::mutex settings_;
};

}  // namespace weir
