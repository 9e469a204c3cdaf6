#pragma once
// ListingCache: answers that list things (tags, referrers), kept in memory for as long as a tag is believed.
// Thread: any. Bounded: at most 1,000 answers; those of at most 256 KiB are kept, 32 MiB of them together. A longer one is known
// as long as somebody reads it, so that all its readers share its bytes. They are charged to the memory budget, and what is kept
// goes when that has no room for what is asked for now.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/memory_budget.h"

namespace weir {

// Text that is charged as long as somebody holds it, once however many do.
struct ChargedText {
  std::string bytes;
  MemoryBudget::Share share;
};

struct Listing {
  std::string content_type;
  ChargedText body;
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
    std::weak_ptr<const Listing> listing;
    std::shared_ptr<const Listing> kept;  // the same; null: it is too long to be kept
    Instant good_until;
    std::size_t bytes() const { return kept ? kept->body.bytes.size() : 0; }  // that are kept
  };
  void drop_expired();
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  std::size_t bytes_ = 0;                 // of those kept; guarded by mutex_
};

}  // namespace weir
