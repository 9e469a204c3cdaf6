#include "cache/leftovers.h"

#include <algorithm>
#include <limits>

#include "cache/index_records.h"

namespace weir {

void Leftovers::add_partial(const std::string& name, std::uint64_t size, WallSeconds since) {
  const auto path = layout_.partial(name);
  std::lock_guard lock(mutex_);
  take(partials_, path);
  partials_.emplace(path, Waiting{room_of(size), since});
  room_ += room_of(size);
}

std::optional<std::uint64_t> Leftovers::take_partial(const std::string& name) {
  std::lock_guard lock(mutex_);
  return take(partials_, layout_.partial(name));
}

void Leftovers::add_quarantined(const Digest& digest, std::uint64_t size, WallSeconds since) {
  const auto path = layout_.quarantined(digest);
  std::lock_guard lock(mutex_);
  take(quarantined_, path);
  quarantined_.emplace(path, Waiting{room_of(size), since});
  room_ += room_of(size);
  if (quarantined_.size() > kMostQuarantined) remove_oldest(quarantined_, std::numeric_limits<WallSeconds>::max());
}

std::uint64_t Leftovers::discard(WallSeconds before) {
  std::lock_guard lock(mutex_);
  const auto given = remove_oldest(partials_, before);
  return given > 0 ? given : remove_oldest(quarantined_, std::numeric_limits<WallSeconds>::max());
}

std::optional<std::uint64_t> Leftovers::take(Files& files, const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return std::nullopt;
  const auto room = found->second.room;
  files.erase(found);
  room_ -= room;
  return room;
}

// Under the lock, so that nobody begins to continue what is being removed.
std::uint64_t Leftovers::remove_oldest(Files& files, WallSeconds before) {
  const auto oldest = std::ranges::min_element(files, {}, [](const auto& entry) { return entry.second.since; });
  if (oldest == files.end() || oldest->second.since >= before) return 0;
  const auto path = oldest->first;
  if (!disk_.remove(path)) {
    oldest->second.since = std::numeric_limits<WallSeconds>::max() - 1;  // it cannot go: others first
    return 0;
  }
  return take(files, path).value_or(0);
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
