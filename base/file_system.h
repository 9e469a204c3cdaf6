#pragma once
// The disk, passed in: the program uses RealFileSystem; a test puts a lying one in its place.
// Thread: any. Every call may block: on a loop, only open() of a small known file for reading.
//
// A RealFileSystem with a root touches nothing outside it: a path below the root is resolved without following any symbolic
// link and without leaving the root (openat2(2), RESOLVE_BENEATH). Where the kernel has no openat2, only the last component is
// safe from links.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace weir {

class FileSystem {
 public:
  enum class Mode { read, create_or_append };  // create_or_append: 0600, contents kept
  struct Entry {
    std::string name;
    std::uint64_t size = 0;
    std::int64_t modified = 0;  // wall seconds
  };

  virtual ~FileSystem() = default;
  // Never follows a symbolic link in the last component.
  virtual Result<UniqueFd> open(const std::string& path, Mode mode) = 0;
  virtual Result<std::uint64_t> size(int fd) = 0;
  virtual Status write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) = 0;  // all of them
  // Up to bytes.size() of them; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset) = 0;
  // Also gives back what was allocated beyond.
  virtual Status truncate(int fd, std::uint64_t size) = 0;
  // Room for `size` bytes in all, which stays invisible: the file is as long as before. False: this file system promises none.
  virtual Result<bool> allocate(int fd, std::uint64_t size) = 0;
  virtual Status sync(int fd) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Status remove(const std::string& path) = 0;                         // absent is fine
  // 0700, existing is fine. They are on the disk, names and all, when this returns, whoever made them.
  virtual Status make_directories(const std::string& path) = 0;
  virtual Result<std::vector<Entry>> list(const std::string& path) = 0;       // plain files only
  // What memory holds of the file's contents is let go: the next read asks the disk.
  virtual void drop_cached(int fd) = 0;
  struct Space {
    std::uint64_t total = 0, free = 0;  // bytes; free: for us, not for root
  };
  virtual Result<Space> space(const std::string& path) = 0;
};

class RealFileSystem final : public FileSystem {
 public:
  RealFileSystem() = default;
  explicit RealFileSystem(std::string root);

  Result<UniqueFd> open(const std::string& path, Mode mode) override;
  Result<std::uint64_t> size(int fd) override;
  Status write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override;
  Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset) override;
  Status truncate(int fd, std::uint64_t size) override;
  Result<bool> allocate(int fd, std::uint64_t size) override;
  Status sync(int fd) override;
  Status sync_directory(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Result<std::vector<Entry>> list(const std::string& path) override;
  void drop_cached(int fd) override;
  Result<Space> space(const std::string& path) override;

 private:
  UniqueFd open_at(const std::string& path, int flags);
  // The folder of a path, and the name in it; AT_FDCWD and the path where there is no root.
  struct Place {
    UniqueFd folder;
    int at = -1;
    std::string name;
  };
  Result<Place> place(const std::string& path, const char* doing);
  Status settle_name(const std::string& folder, bool made);

  std::string root_;  // with a slash at its end; empty: none
  UniqueFd root_fd_;
  std::once_flag opened_;
  std::mutex mutex_;
  std::set<std::string> on_disk_;  // guarded by mutex_: folders whose names this program has synced
};

// A whole small file of at most `most` bytes, such as a configuration or a password.
Result<std::string> read_small_file(const std::string& path, std::size_t most);

}  // namespace weir
