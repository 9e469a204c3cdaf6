#pragma once
// Leftovers: files that are no blobs and take room all the same: downloads that broke off and wait to be continued, and blobs
// that were found rotten and wait to be looked at. When room is needed they go, the oldest first, before any blob that
// somebody may want again, but for downloads that broke off within the hour, up to a quarter of the capacity.
// Thread: any; discard() waits for the disk.

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "cache/layout.h"

namespace weir {

class Leftovers {
 public:
  static constexpr WallSeconds kFresh = 3600;
  static constexpr std::size_t kMostQuarantined = 64;

  Leftovers(FileSystem& disk, const Layout& layout) : disk_(disk), layout_(layout) {}

  // A partial file of that name waits. Twice is once.
  void add_partial(const std::string& name, std::uint64_t size, WallSeconds since);
  // Somebody continues it, or it is gone: its room is no longer counted here. Nothing: it was not there.
  std::optional<std::uint64_t> take_partial(const std::string& name);
  // A rotten blob lies in quarantine. Of more than kMostQuarantined the oldest is removed.
  void add_quarantined(const Digest& digest, std::uint64_t size, WallSeconds since);

  // Removes the oldest one, but a partial only when it is older than `before`. What that gave back; 0: there is none.
  std::uint64_t discard(WallSeconds before);

  std::uint64_t room() const { return room_.load(); }
  std::size_t partials() const;
  std::size_t quarantined() const;

 private:
  struct Waiting {
    std::uint64_t room = 0;
    WallSeconds since = 0;
  };
  using Files = std::map<std::string, Waiting>;  // by the path
  std::optional<std::uint64_t> take(Files& files, const std::string& path);
  std::uint64_t remove_oldest(Files& files, WallSeconds before);

  FileSystem& disk_;
  const Layout& layout_;
  mutable std::mutex mutex_;
  Files partials_, quarantined_;  // guarded by mutex_
  std::atomic<std::uint64_t> room_ = 0;  // asked without the mutex, which is held while a file is removed
};

}  // namespace weir
