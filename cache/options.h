#pragma once
// What the store can be told.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir {

// So many bytes, or so many percent of something.
struct Share {
  std::uint64_t bytes = 0;
  unsigned percent = 0;  // not 0: bytes says nothing

  std::uint64_t of(std::uint64_t whole) const { return percent == 0 ? bytes : whole / 100 * percent; }
  friend bool operator==(const Share&, const Share&) = default;
};

struct CacheOptions {
  std::string directory = "/var/lib/weir";
  // false: partial files are removed at start and after a failed fill.
  bool resume_partial = true;
  // true: a blob is announced after it is synced to the disk. false: a power cut may lose the latest blobs, never tear one.
  bool durable = true;
  // All that the directory may take of the disk, partial files and the index included; percent of the file system.
  Share capacity{.percent = 90};
  // What is left free on the file system, whoever filled it; percent of the file system.
  Share reserve{.percent = 5};
  // What is never evicted: repositories and tags by pattern, and what was used so lately.
  std::vector<std::string> pins;
  Milliseconds keep_within{0};
  // How much of what no upstream has any more is kept as if it were pinned; percent of the capacity.
  Share last_copies{.percent = 10};
  // What all of the program may hold in memory for clients that read slowly.
  std::uint64_t memory_budget = 256 << 20;
  // Bytes a second that the scrub reads; 0: it does not run by itself.
  std::uint64_t scrub_rate = 20 << 20;
  // A hit on bytes that were hashed longer ago is hashed on its way; 0: every hit, nothing: none.
  std::optional<Milliseconds> verify_age = std::chrono::hours(24 * 30);
};

}  // namespace weir
