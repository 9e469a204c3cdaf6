#include "base/replace_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/fd.h"
#include "base/file_system.h"
#include "base/hash.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr mode_t kModeBits = 07777;

// Where a symbolic link leads; the path itself when there is nothing yet.
std::string behind_links(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) ? resolved : path;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

// `like`: what the file was, or its folder.
Status write_new(const std::string& path, std::string_view text, const struct stat& like, bool existed) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return system_error(errno, "make " + path);
  RealFileSystem disk;
  if (auto status = disk.write_at(file.get(), std::as_bytes(std::span(text)), 0); !status) return status;
  struct stat made{};
  if (::fstat(file.get(), &made) != 0) return system_error(errno, "stat " + path);
  const bool other_owner = made.st_uid != like.st_uid || made.st_gid != like.st_gid;
  if (other_owner && (existed || ::geteuid() == 0) && ::fchown(file.get(), like.st_uid, like.st_gid) != 0)
    return system_error(errno, "give " + path + " to the owner of the old file");
  if (existed && ::fchmod(file.get(), like.st_mode & kModeBits) != 0) return system_error(errno, "change the mode of " + path);
  return disk.sync(file.get());
}

}  // namespace

Status rewrite_file(const std::string& path, std::size_t most,
                    const std::function<Result<std::string>(std::string_view before)>& change) {
  const std::string target = behind_links(path), folder = folder_of(target);
  const UniqueFd lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX) != 0) return system_error(errno, "open " + folder);

  struct stat like{};
  const bool existed = ::stat(target.c_str(), &like) == 0;
  if (!existed && (errno != ENOENT || ::fstat(lock.get(), &like) != 0)) return system_error(errno, "open " + target);
  std::string before;
  if (existed) {
    auto text = read_small_file(target, most);
    if (!text) return std::move(text).error();
    before = *std::move(text);
  }
  const auto after = change(before);
  if (!after) return after.error();
  const std::string temporary = target + '.' + to_hex(random_bytes(8));
  auto status = write_new(temporary, *after, like, existed);
  if (status && ::rename(temporary.c_str(), target.c_str()) != 0) status = system_error(errno, "replace " + target);
  if (!status) {
    ::unlink(temporary.c_str());
    return status;
  }
  (void)::fsync(lock.get());  // a file system that cannot has the file all the same
  return ok_status();
}

}  // namespace weir
