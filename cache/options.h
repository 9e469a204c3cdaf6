#pragma once
// What the store can be told.

#include <cstdint>
#include <string>

namespace weir {

struct CacheOptions {
  std::string directory = "/var/lib/weir";
  // false: partial files are removed at start and after a failed fill.
  bool resume_partial = true;
  // true: a blob is announced after it is synced to the disk. false: a power cut may lose the latest blobs, never tear one.
  bool durable = true;
};

}  // namespace weir
