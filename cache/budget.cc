#include "cache/budget.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::uint64_t kMostHeadroom = 16ull << 30;

std::uint64_t above(std::uint64_t value, std::uint64_t bound) { return value > bound ? value - bound : 0; }

}  // namespace

Budget::Budget(FileSystem& disk, const Index& index, const Leftovers& leftovers, const CacheOptions& options)
    : disk_(disk), index_(index), leftovers_(leftovers), options_(options) {}

// A file system that cannot be asked is not what limits us; its writes will say.
FileSystem::Space Budget::space() const {
  const auto space = disk_.space(options_.directory);
  return space ? *space : FileSystem::Space{UINT64_MAX, UINT64_MAX};
}

std::uint64_t Budget::capacity() const { return options_.capacity.of(space().total); }

std::uint64_t Budget::reserve() const { return options_.reserve.of(space().total); }

std::uint64_t Budget::taken_locked() const {
  return index_.totals().room + index_.file_bytes() + leftovers_.room() + held_ + leaving_.load() + ballast_.load() +
         metering_.load();
}

std::uint64_t Budget::taken() const {
  std::lock_guard lock(mutex_);
  return taken_locked();
}

Budget::Shortage Budget::shortage_locked(std::uint64_t bytes, std::uint64_t headroom) const {
  bytes = std::min(bytes, UINT64_MAX / 4);  // so that no sum below runs over
  const auto space = this->space();
  const auto own = above(taken_locked() + bytes + headroom, options_.capacity.of(space.total));
  const auto others = above(options_.reserve.of(space.total) + promised_ + bytes + headroom / 4, space.free);
  return {std::max(own, others), own == 0 && others > 0};
}

Budget::Shortage Budget::shortage(std::uint64_t bytes) const {
  std::lock_guard lock(mutex_);
  return shortage_locked(bytes, 0);
}

std::uint64_t Budget::ahead() const {
  std::lock_guard lock(mutex_);
  const auto headroom = std::min(capacity() / 20, kMostHeadroom);
  return shortage_locked(0, headroom / 2).bytes == 0 ? 0 : shortage_locked(0, headroom).bytes;
}

bool Budget::take(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (shortage_locked(bytes, 0).bytes > 0) return false;
  held_ += bytes;
  promised_ += bytes;
  return true;
}

void Budget::give_back(std::uint64_t bytes, std::uint64_t promised) {
  std::lock_guard lock(mutex_);
  held_ -= bytes;
  promised_ -= promised;
}

void Budget::note_given(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  promised_ -= bytes;
}

bool Reservation::grow_to(std::uint64_t total) {
  if (total <= bytes_) return true;
  if (!budget_.take(total - bytes_)) return false;
  bytes_ = total;
  return true;
}

void Reservation::shrink_to(std::uint64_t total) {
  if (total >= bytes_) return;
  const auto given = std::min(given_, total);
  const auto promised = (bytes_ - given_) - (total - given);
  budget_.give_back(bytes_ - total, promised);
  bytes_ = total;
  given_ = given;
}

void Reservation::note_given(std::uint64_t total) {
  total = std::min(total, bytes_);
  if (total <= given_) return;
  budget_.note_given(total - given_);
  given_ = total;
}

}  // namespace weir
