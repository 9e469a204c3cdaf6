#pragma once
// Rebuild: the index made again from the blobs, when it is lost or cannot be read.
//
// A blob's file was hashed before it got its name, so its name is believed; it is hashed again when somebody asks for it,
// because nothing is known of when it was hashed last (verify-age). Which repository may show what, tags and pins stand in no
// blob: they are taken from the old index as far as it can still be read. What cannot, as links, are asked of the upstreams
// again, request by request, and no blob is fetched twice for that.
//
// Thread: the calling one, for as long as it takes. No server may run: it takes the store's lock.

#include <functional>

#include "base/clock.h"
#include "base/file_system.h"
#include "cache/options.h"

namespace weir {

struct Rebuilt {
  std::uint64_t blobs = 0, bytes = 0;
  std::uint64_t strange = 0;  // files in blobs/ whose names are no digests; left alone
  bool salvaged = false;      // links, tags and pins of the old index are in the new one ...
  bool damaged = false;       // ... as far as they could be read, which was not to the end
  std::uint64_t links = 0, tags = 0;
};

// `progress` is told of the blobs found so far. The old index is in place until the new one is whole.
// Error: conflict when a server runs; io.
Result<Rebuilt> rebuild_index(const Clock& clock, FileSystem& disk, const CacheOptions& options,
                              const std::function<void(std::uint64_t blobs)>& progress);

}  // namespace weir
