#include "proxy/listing_cache.h"

namespace weir {
namespace {
constexpr std::size_t kMostListings = 1000;
constexpr std::size_t kMostBytes = 256 << 10;
}  // namespace

std::shared_ptr<const Listing> ListingCache::find(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.good_until <= clock_.now() ? nullptr : found->second.listing;
}

void ListingCache::insert(const std::string& key, std::shared_ptr<const Listing> listing, Milliseconds how_long) {
  if (how_long.count() <= 0 || listing->body.size() > kMostBytes) return;
  std::lock_guard lock(mutex_);
  if (entries_.size() >= kMostListings) {
    std::erase_if(entries_, [now = clock_.now()](const auto& entry) { return entry.second.good_until <= now; });
    if (entries_.size() >= kMostListings) entries_.clear();
  }
  entries_.insert_or_assign(key, Entry{std::move(listing), clock_.now() + how_long});
}

void ListingCache::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
}

}  // namespace weir
