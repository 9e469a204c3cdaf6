#pragma once
// Takes a stored blob out of service whose bytes turned out wrong while they were used: logs why, and moves the file to
// quarantine/. Thread: any loop, with that loop's parts; the file is moved on the pool.

#include <string>

#include "proxy/site.h"

namespace weir {

// Only the bytes that `record` describes: a blob that was stored again meanwhile stays. find() then fetches the digest anew.
Task<void> take_out_of_service(const Site& site, LoopParts& parts, Digest digest, BlobRecord record, std::string why);

}  // namespace weir
