#include "proxy/negative_cache.h"

namespace weir {
namespace {
constexpr std::size_t kMostUnknown = 100'000;
}  // namespace

bool NegativeCache::contains(const Name& repository, const std::string& what) const {
  std::lock_guard lock(mutex_);
  if (until_.empty()) return false;
  const auto found = until_.find(key_of(repository, what));
  return found != until_.end() && found->second > clock_.now();
}

void NegativeCache::insert(const Name& repository, const std::string& what, Milliseconds how_long) {
  if (how_long.count() <= 0) return;
  std::lock_guard lock(mutex_);
  if (until_.size() >= kMostUnknown) {
    std::erase_if(until_, [now = clock_.now()](const auto& entry) { return entry.second <= now; });
    if (until_.size() >= kMostUnknown) until_.clear();
  }
  until_.insert_or_assign(key_of(repository, what), clock_.now() + how_long);
}

void NegativeCache::erase(const Name& repository, const std::string& what) {
  std::lock_guard lock(mutex_);
  until_.erase(key_of(repository, what));
}

void NegativeCache::clear() {
  std::lock_guard lock(mutex_);
  until_.clear();
}

}  // namespace weir
