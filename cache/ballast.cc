#include "cache/ballast.h"

#include <algorithm>

namespace weir {

Ballast::Ballast(FileSystem& disk, std::string path, std::uint64_t capacity)
    : disk_(disk), path_(std::move(path)), size_(std::min(kMost, capacity / 64) / 4096 * 4096) {}

bool Ballast::drop() { return there_.exchange(false) && disk_.remove(path_).ok(); }

void Ballast::restore() {
  if (there_.load() || size_ == 0) return;
  const auto file = disk_.open(path_, FileSystem::Mode::create_or_append);
  if (!file) return;
  const auto promised = disk_.allocate(file->get(), size_);
  there_.store(promised && *promised);
  if (there_.load()) return;
  (void)disk_.remove(path_);  // it takes nothing
  if (promised) size_.store(0);
}

}  // namespace weir
