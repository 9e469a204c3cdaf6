#pragma once
// Purge: forgets what a person names, and the bytes that nothing else refers to.
// Thread: blocks on disk work; on a pool thread, or in a command of its own.

#include <string>
#include <vector>

#include "cache/blob_store.h"
#include "oci/reference.h"

namespace weir {

struct PurgeResult {
  std::uint64_t tags = 0, links = 0, blobs = 0, bytes = 0;
};

// A whole repository; one tag of it, with its manifest and what only that one refers to; or one digest of it.
// Error: not_found when nothing of that name is known.
Result<PurgeResult> purge(BlobStore& store, const std::string& repository, const std::optional<Reference>& reference);

// One digest, in every repository.
Result<PurgeResult> purge_digest(BlobStore& store, const Digest& digest);

}  // namespace weir
