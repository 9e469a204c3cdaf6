#include "proxy/listing_cache.h"

namespace weir {
namespace {
constexpr std::size_t kMostListings = 1000;
constexpr std::size_t kMostBytes = 256 << 10, kMostBytesTogether = 32 << 20;
}  // namespace

std::shared_ptr<const Listing> ListingCache::find(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.good_until <= clock_.now() ? nullptr : found->second.listing.lock();
}

void ListingCache::insert(const std::string& key, std::shared_ptr<const Listing> listing, Milliseconds how_long) {
  if (how_long.count() <= 0) return;
  const auto size = listing->body.bytes.size();
  const auto kept_bytes = size <= kMostBytes ? size : 0;
  std::lock_guard lock(mutex_);
  const auto full = [&] { return entries_.size() >= kMostListings || bytes_ + kept_bytes > kMostBytesTogether; };
  if (full()) drop_expired();
  if (full()) {
    entries_.clear();
    bytes_ = 0;
  }
  auto& entry = entries_[key];
  bytes_ += kept_bytes - entry.bytes();
  entry = Entry{listing, size <= kMostBytes ? listing : nullptr, clock_.now() + how_long};
}

void ListingCache::drop_expired() {
  std::erase_if(entries_, [this, now = clock_.now()](const auto& item) {
    const auto& entry = item.second;
    if (entry.good_until > now && !entry.listing.expired()) return false;
    bytes_ -= entry.bytes();
    return true;
  });
}

void ListingCache::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  bytes_ = 0;
}

}  // namespace weir
