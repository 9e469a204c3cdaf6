#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace weir {

RealFileSystem::RealFileSystem(std::string root) : root_(std::move(root)) {
  while (root_.ends_with('/')) root_.pop_back();
  root_ += '/';
}

// The root itself may be reached by any way and is opened when it is first needed: it may have to be made before.
UniqueFd RealFileSystem::open_at(const std::string& path, int flags) {
  flags |= O_CLOEXEC;
  const bool folder = (flags & O_DIRECTORY) != 0;
  if (root_.empty() || !path.starts_with(root_)) return UniqueFd(::open(path.c_str(), folder ? flags : flags | O_NOFOLLOW, 0600));
  flags |= O_NOFOLLOW;
  std::call_once(opened_, [this] { root_fd_ = UniqueFd(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); });
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const char* below = path.size() == root_.size() ? "." : path.c_str() + root_.size();
  const auto fd = ::syscall(SYS_openat2, root_fd_.get(), below, &how, sizeof how);
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return UniqueFd(::open(path.c_str(), flags, 0600));
  return UniqueFd(static_cast<int>(fd));
}

Result<RealFileSystem::Place> RealFileSystem::place(const std::string& path, const char* doing) {
  Place place;
  const auto slash = path.find_last_of('/');
  if (root_.empty() || !path.starts_with(root_) || slash == std::string::npos) {
    place.at = AT_FDCWD;
    place.name = path;
    return place;
  }
  place.folder = open_at(path.substr(0, std::max(slash, root_.size() - 1)) + (slash < root_.size() ? "/" : ""),
                         O_PATH | O_DIRECTORY);
  if (!place.folder.valid()) return system_error(errno, std::string(doing) + ' ' + path);
  place.at = place.folder.get();
  place.name = path.substr(slash + 1);
  return place;
}

Result<UniqueFd> RealFileSystem::open(const std::string& path, Mode mode) {
  UniqueFd fd = open_at(path, mode == Mode::read ? O_RDONLY : O_RDWR | O_CREAT);
  if (!fd.valid()) return system_error(errno, "open " + path);
  return fd;
}

Result<std::uint64_t> RealFileSystem::size(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_error(errno, "stat");
  return static_cast<std::uint64_t>(status.st_size);
}

Status RealFileSystem::write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return ok_status();
}

Result<std::size_t> RealFileSystem::read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset) {
  std::size_t total = 0;
  while (total < bytes.size()) {
    const auto count = ::pread(fd, bytes.data() + total, bytes.size() - total, static_cast<off_t>(offset + total));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(errno, "read");
    if (count == 0) break;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

Status RealFileSystem::truncate(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return system_error(errno, "truncate");
  return ok_status();
}

Result<bool> RealFileSystem::allocate(int fd, std::uint64_t size) {
  if (size == 0) return true;
  for (;;) {
    if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0) return true;
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return false;
    return system_error(errno, "allocate");
  }
}

Status RealFileSystem::sync(int fd) {
  if (::fsync(fd) != 0) return system_error(errno, "fsync");
  return ok_status();
}

Status RealFileSystem::sync_directory(const std::string& path) {
  const UniqueFd fd = open_at(path, O_RDONLY | O_DIRECTORY);
  if (!fd.valid()) return system_error(errno, "open directory " + path);
  return sync(fd.get());
}

Status RealFileSystem::rename(const std::string& from, const std::string& to) {
  const auto source = place(from, "rename");
  if (!source) return source.error();
  const auto target = place(to, "rename to");
  if (!target) return target.error();
  if (::renameat(source->at, source->name.c_str(), target->at, target->name.c_str()) != 0)
    return system_error(errno, "rename " + from + " to " + to);
  return ok_status();
}

Status RealFileSystem::remove(const std::string& path) {
  const auto found = place(path, "remove");
  if (!found) return found.error().failure == Failure::not_found ? ok_status() : Status(found.error());
  if (::unlinkat(found->at, found->name.c_str(), 0) != 0 && errno != ENOENT) return system_error(errno, "remove " + path);
  return ok_status();
}

// A folder that was there may come from a program that was killed before it had synced the name, or from a thread that is
// about to. A parent that cannot be synced, but for a failing disk, holds no name of ours.
Status RealFileSystem::settle_name(const std::string& folder, bool made) {
  {
    std::lock_guard lock(mutex_);
    if (!made && on_disk_.contains(folder)) return ok_status();
  }
  const auto slash = folder.find_last_of('/');
  const auto parent = slash == std::string::npos ? std::string(".") : folder.substr(0, std::max<std::size_t>(slash, 1));
  const UniqueFd fd = open_at(parent, O_RDONLY | O_DIRECTORY);
  if ((!fd.valid() || ::fsync(fd.get()) != 0) && (made || errno == EIO || errno == ENOSPC || errno == EDQUOT)) {
    return system_error(errno, "sync directory " + parent);
  }
  std::lock_guard lock(mutex_);
  on_disk_.insert(folder);
  return ok_status();
}

Status RealFileSystem::make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const auto found = place(part, "make directory");
    if (!found) return found.error();
    const bool made = ::mkdirat(found->at, found->name.c_str(), 0700) == 0;
    if (!made && errno != EEXIST && errno != EISDIR) {
      // A parent that may be passed but not written is fine as long as the rest is there.
      if (end == std::string::npos || (errno != EACCES && errno != EROFS && errno != EPERM)) {
        return system_error(errno, "make directory " + part);
      }
    }
    if (auto status = settle_name(part, made); !status) return status;
    if (end == std::string::npos) {
      if (root_.empty() || !path.starts_with(root_)) {
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) return system_error(errno, "make directory " + path);
        return S_ISDIR(status.st_mode) ? ok_status() : Status(system_error(ENOTDIR, "make directory " + path));
      }
      if (!open_at(path, O_PATH | O_DIRECTORY).valid()) return system_error(errno, "make directory " + path);
      return ok_status();
    }
  }
}

Result<std::vector<FileSystem::Entry>> RealFileSystem::list(const std::string& path) {
  UniqueFd fd = open_at(path, O_RDONLY | O_DIRECTORY);
  if (!fd.valid()) return system_error(errno, "list " + path);
  DIR* directory = ::fdopendir(fd.get());
  if (!directory) return system_error(errno, "list " + path);
  fd.release();
  std::vector<Entry> entries;
  while (const dirent* found = ::readdir(directory)) {
    struct stat status{};
    if (::fstatat(::dirfd(directory), found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
    entries.push_back({found->d_name, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
  }
  ::closedir(directory);
  return entries;
}

void RealFileSystem::drop_cached(int fd) { ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }

Result<FileSystem::Space> RealFileSystem::space(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return system_error(errno, "size of the file system of " + path);
  return Space{std::uint64_t{status.f_blocks} * status.f_frsize, std::uint64_t{status.f_bavail} * status.f_frsize};
}

Result<std::string> read_small_file(const std::string& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error(errno, "open " + path);
  RealFileSystem disk;
  std::string text;
  for (std::size_t room = std::min<std::size_t>(most + 1, 4096);; room = std::min(most + 1, 4 * room)) {
    const auto begin = text.size();
    text.resize(room);
    const auto count = disk.read_at(fd.get(), std::as_writable_bytes(std::span(text)).subspan(begin), begin);
    if (!count) {
      Error error = count.error();
      error.what = path + ": " + error.what;
      return error;
    }
    text.resize(begin + *count);
    if (text.size() < room || room > most) break;
  }
  if (text.size() > most)
    return Error{Failure::too_large, Side::local, false, path + " is larger than " + std::to_string(most) + " bytes"};
  return text;
}

}  // namespace weir
