#pragma once
// ListingCache: answers that list things (tags, referrers), kept in memory for as long as a tag is believed.
// Thread: any. Bounded: at most 1,000 answers of at most 256 KiB.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace weir {

struct Listing {
  std::string content_type;
  std::string body;
  std::string next;             // the next page's query; empty: this is the last
  bool filtered = false;        // by artifactType
};

class ListingCache {
 public:
  explicit ListingCache(const Clock& clock) : clock_(clock) {}

  std::shared_ptr<const Listing> find(const std::string& key) const;
  void insert(const std::string& key, std::shared_ptr<const Listing> listing, Milliseconds how_long);
  void clear();

 private:
  struct Entry {
    std::shared_ptr<const Listing> listing;
    Instant good_until;
  };
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
};

}  // namespace weir
