#include "cache/leftovers.h"

#include <algorithm>
#include <limits>

#include "cache/index_records.h"

namespace weir {

void Leftovers::add_partial(const Digest& digest, std::uint64_t size, WallSeconds since) {
  std::lock_guard lock(mutex_);
  take(partials_, digest);
  partials_.emplace(digest, Waiting{room_of(size), since});
  room_ += room_of(size);
}

std::optional<std::uint64_t> Leftovers::take_partial(const Digest& digest) {
  std::lock_guard lock(mutex_);
  return take(partials_, digest);
}

void Leftovers::add_quarantined(const Digest& digest, std::uint64_t size, WallSeconds since) {
  std::lock_guard lock(mutex_);
  take(quarantined_, digest);
  quarantined_.emplace(digest, Waiting{room_of(size), since});
  room_ += room_of(size);
  if (quarantined_.size() > kMostQuarantined) remove_oldest(quarantined_, true, std::numeric_limits<WallSeconds>::max());
}

std::uint64_t Leftovers::discard(WallSeconds before) {
  std::lock_guard lock(mutex_);
  const auto given = remove_oldest(partials_, false, before);
  return given > 0 ? given : remove_oldest(quarantined_, true, std::numeric_limits<WallSeconds>::max());
}

std::optional<std::uint64_t> Leftovers::take(Files& files, const Digest& digest) {
  const auto found = files.find(digest);
  if (found == files.end()) return std::nullopt;
  const auto room = found->second.room;
  files.erase(found);
  room_ -= room;
  return room;
}

// Under the lock, so that nobody begins to continue what is being removed.
std::uint64_t Leftovers::remove_oldest(Files& files, bool quarantined, WallSeconds before) {
  const auto oldest = std::ranges::min_element(files, {}, [](const auto& entry) { return entry.second.since; });
  if (oldest == files.end() || oldest->second.since >= before) return 0;
  const auto digest = oldest->first;
  if (!disk_.remove(quarantined ? layout_.quarantined(digest) : layout_.partial(digest))) {
    oldest->second.since = std::numeric_limits<WallSeconds>::max() - 1;  // it cannot go: others first
    return 0;
  }
  return take(files, digest).value_or(0);
}

std::size_t Leftovers::partials() const {
  std::lock_guard lock(mutex_);
  return partials_.size();
}

std::size_t Leftovers::quarantined() const {
  std::lock_guard lock(mutex_);
  return quarantined_.size();
}

}  // namespace weir
