#pragma once
// Ballast: a file that holds room for nothing. When the disk is so full that not even a deletion can be noted in the index,
// it goes, and the index has room to forget something.
// Thread: any; waits for the disk.

#include <atomic>
#include <cstdint>
#include <string>

#include "base/file_system.h"

namespace weir {

class Ballast {
 public:
  static constexpr std::uint64_t kMost = 16 << 20;

  // As much as is worth it in a store of that capacity.
  Ballast(FileSystem& disk, std::string path, std::uint64_t capacity);

  // True: it was there, and its room is free now.
  bool drop();
  // Takes its room again, if that is free.
  void restore();
  std::uint64_t bytes() const { return there_.load() ? size_.load() : 0; }
  std::uint64_t wanted() const { return there_.load() ? 0 : size_.load(); }

 private:
  FileSystem& disk_;
  const std::string path_;
  std::atomic<std::uint64_t> size_;  // at most a 64th of the capacity; 0 where the file system promises no room
  std::atomic<bool> there_{false};
};

}  // namespace weir
