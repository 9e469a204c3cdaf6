#pragma once
// FillTable: at most one Fill a digest, whoever asks and through whichever repository.
// Thread: any.

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "cache/fill.h"

namespace weir {

class FillTable {
 public:
  explicit FillTable(BlobStore& store) : store_(store) {}

  struct Entry {
    std::shared_ptr<Fill> fill;     // null: the blob is whole by now, look in the index again
    bool started = false;           // the caller must run it, to finish()
  };
  // The fill of `digest`: the one under way, or a new one that asks through `repository`.
  Entry start_or_join(const Digest& digest, const Name& repository);
  // The same for a stored blob that is due to be hashed: what serves it until its digest agreed.
  Entry recheck(const Digest& digest, const Name& repository, const OpenBlob& stored);
  std::shared_ptr<Fill> find(const Digest& digest) const;
  // The fill has ended, in the index or in failure; a new one may start.
  void finish(const std::shared_ptr<Fill>& fill);
  std::size_t size() const;

 private:
  BlobStore& store_;
  mutable std::mutex mutex_;
  std::map<Digest, std::shared_ptr<Fill>> fills_;  // guarded by mutex_
};

}  // namespace weir
