#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

namespace weir {

Result<UniqueFd> RealFileSystem::open(const std::string& path, Mode mode) {
  const int flags = mode == Mode::read ? O_RDONLY : O_RDWR | O_CREAT;
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
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

Status RealFileSystem::sync(int fd) {
  if (::fsync(fd) != 0) return system_error(errno, "fsync");
  return ok_status();
}

Status RealFileSystem::sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_error(errno, "open directory " + path);
  return sync(fd.get());
}

Status RealFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, "rename " + from + " to " + to);
  return ok_status();
}

Status RealFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(errno, "remove " + path);
  return ok_status();
}

Status RealFileSystem::make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) == 0) {
      const auto slash = part.find_last_of('/');
      const auto parent = slash == std::string::npos ? std::string(".") : part.substr(0, std::max<std::size_t>(slash, 1));
      if (auto status = sync_directory(parent); !status) return status;
    } else if (errno != EEXIST && errno != EISDIR) {
      // A parent that may be passed but not written is fine as long as the rest is there.
      if (end == std::string::npos || (errno != EACCES && errno != EROFS && errno != EPERM)) {
        return system_error(errno, "make directory " + part);
      }
    }
    if (end == std::string::npos) {
      struct stat status{};
      if (::stat(path.c_str(), &status) != 0) return system_error(errno, "make directory " + path);
      return S_ISDIR(status.st_mode) ? ok_status() : Status(system_error(ENOTDIR, "make directory " + path));
    }
  }
}

Result<std::vector<FileSystem::Entry>> RealFileSystem::list(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (!directory) return system_error(errno, "list " + path);
  std::vector<Entry> entries;
  while (const dirent* found = ::readdir(directory)) {
    struct stat status{};
    if (::fstatat(::dirfd(directory), found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
    entries.push_back({found->d_name, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
  }
  ::closedir(directory);
  return entries;
}

Result<std::string> read_small_file(const std::string& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error(errno, "open " + path);
  std::string text(most + 1, '\0');
  RealFileSystem disk;
  const auto count = disk.read_at(fd.get(), std::as_writable_bytes(std::span(text)), 0);
  if (!count) {
    Error error = count.error();
    error.what = path + ": " + error.what;
    return error;
  }
  if (*count > most)
    return Error{Failure::too_large, Side::local, false, path + " is larger than " + std::to_string(most) + " bytes"};
  text.resize(*count);
  return text;
}

}  // namespace weir
