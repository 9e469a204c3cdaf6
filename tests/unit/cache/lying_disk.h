// A disk that writes down what is asked of it and fails when it is told to: the real one in a directory of the test's own.
//
// Each call is one line, paths relative to the root: `open partial/a`, `write partial/a 0+5`, `sync partial/a`,
// `rename partial/a blobs/b`, `sync_directory blobs`, `truncate partial/a 0`, `remove a`, `make_directories a`, `list a`.
#pragma once

#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace weir::testing {

class LyingDisk final : public FileSystem {
 public:
  explicit LyingDisk(std::string root) : root_(std::move(root) + '/') {}

  // From now on every call whose line starts with `prefix` fails with this errno; 0 stops it.
  void fail(std::string prefix, int error_number) {
    std::lock_guard lock(mutex_);
    fails_ = std::move(prefix);
    error_number_ = error_number;
  }
  // As a file system that cannot keep room for a file.
  void promise_nothing() { promises_nothing_ = true; }
  // What runs before each call, on the calling thread.
  void watch(std::function<void(const std::string& line)> before) {
    std::lock_guard lock(mutex_);
    before_ = std::move(before);
  }
  // Adds a line of the test's own.
  void note(const std::string& line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  // The lines since the last time, without reading ones (open to read, size, read, list).
  std::vector<std::string> taken() {
    std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

  Result<UniqueFd> open(const std::string& path, Mode mode) override {
    const auto line = (mode == Mode::read ? "read-open " : "open ") + relative(path);
    if (auto failed = begin(line, mode != Mode::read)) return *failed;
    auto file = real_.open(path, mode);
    if (file) {
      std::lock_guard lock(mutex_);
      names_[file->get()] = relative(path);
    }
    return file;
  }
  Result<std::uint64_t> size(int fd) override {
    if (auto failed = begin("size " + name(fd), false)) return *failed;
    return real_.size(fd);
  }
  Status write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override {
    const auto line = "write " + name(fd) + ' ' + std::to_string(offset) + '+' + std::to_string(bytes.size());
    if (auto failed = begin(line, true)) return *failed;
    return real_.write_at(fd, bytes, offset);
  }
  Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset) override {
    if (auto failed = begin("read " + name(fd), false)) return *failed;
    return real_.read_at(fd, bytes, offset);
  }
  Status truncate(int fd, std::uint64_t size) override {
    if (auto failed = begin("truncate " + name(fd) + ' ' + std::to_string(size), true)) return *failed;
    return real_.truncate(fd, size);
  }
  Result<bool> allocate(int fd, std::uint64_t size) override {
    if (auto failed = begin("allocate " + name(fd) + ' ' + std::to_string(size), false)) return *failed;
    if (promises_nothing_) return false;
    return real_.allocate(fd, size);
  }
  Status sync(int fd) override {
    if (auto failed = begin("sync " + name(fd), true)) return *failed;
    return ok_status();  // nothing here rests on a real one, which is slow
  }
  Status sync_directory(const std::string& path) override {
    if (auto failed = begin("sync_directory " + relative(path), true)) return *failed;
    return real_.sync_directory(path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (auto failed = begin("rename " + relative(from) + ' ' + relative(to), true)) return *failed;
    return real_.rename(from, to);
  }
  Status remove(const std::string& path) override {
    if (auto failed = begin("remove " + relative(path), true)) return *failed;
    return real_.remove(path);
  }
  Status make_directories(const std::string& path) override {
    if (auto failed = begin("make_directories " + relative(path), true)) return *failed;
    return real_.make_directories(path);
  }
  Result<std::vector<Entry>> list(const std::string& path) override {
    if (auto failed = begin("list " + relative(path), false)) return *failed;
    return real_.list(path);
  }
  void drop_cached(int fd) override { real_.drop_cached(fd); }
  // What the file system is said to have; by default what it has.
  void set_space(Space space) {
    std::lock_guard lock(mutex_);
    space_ = space;
  }
  Result<Space> space(const std::string& path) override {
    if (auto failed = begin("space", false)) return *failed;
    std::lock_guard lock(mutex_);
    return space_ ? Result<Space>(*space_) : real_.space(path);
  }

 private:
  std::string relative(const std::string& path) const { return path.starts_with(root_) ? path.substr(root_.size()) : path; }
  std::string name(int fd) {
    std::lock_guard lock(mutex_);
    return names_[fd];
  }
  std::optional<Error> begin(const std::string& line, bool noted) {
    std::function<void(const std::string&)> before;
    {
      std::lock_guard lock(mutex_);
      before = before_;
    }
    if (before) before(line);
    std::lock_guard lock(mutex_);
    if (noted) lines_.push_back(line);
    if (error_number_ != 0 && line.starts_with(fails_)) return system_error(error_number_, line);
    return std::nullopt;
  }

  RealFileSystem real_;
  std::atomic<bool> promises_nothing_ = false;
  const std::string root_;
  std::mutex mutex_;
  std::string fails_;                                  // guarded by mutex_, as all below
  int error_number_ = 0;
  std::function<void(const std::string&)> before_;
  std::map<int, std::string> names_;
  std::vector<std::string> lines_;
  std::optional<Space> space_;
};

}  // namespace weir::testing
