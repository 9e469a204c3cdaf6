#pragma once
// The disk, passed in: the program uses RealFileSystem; a test puts a lying one in its place.
// Thread: any. Every call may block: on a loop, only open() of a small known file for reading.

#include <cstddef>
#include <cstdint>
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
  virtual Status truncate(int fd, std::uint64_t size) = 0;
  virtual Status sync(int fd) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Status remove(const std::string& path) = 0;                         // absent is fine
  // 0700, existing is fine; a new one is on the disk, name and all, when this returns.
  virtual Status make_directories(const std::string& path) = 0;
  virtual Result<std::vector<Entry>> list(const std::string& path) = 0;       // plain files only
};

class RealFileSystem final : public FileSystem {
 public:
  Result<UniqueFd> open(const std::string& path, Mode mode) override;
  Result<std::uint64_t> size(int fd) override;
  Status write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override;
  Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset) override;
  Status truncate(int fd, std::uint64_t size) override;
  Status sync(int fd) override;
  Status sync_directory(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Result<std::vector<Entry>> list(const std::string& path) override;
};

// A whole small file of at most `most` bytes, such as a configuration or a password.
Result<std::string> read_small_file(const std::string& path, std::size_t most);

}  // namespace weir
