// The recorder: a library that is loaded in front of the C library (LD_PRELOAD) and writes down all that a program does to
// the disk beneath one folder. The program knows nothing of it.
//
//   WEIR_CRASH_FOLDER      the folder, which exists
//   WEIR_CRASH_LOG         what is appended to, see record.h
//   WEIR_CRASH_KILL_AFTER  the program is killed when it has made so many steps; absent: never
//
// Each call of the C library is turned into its system call, and `operate` says what each of those does. A step and its record
// are one under a mutex, so the order in the log is an order in which it happened; a sync is in the log when it has returned.
// Who a descriptor belongs to is asked of the kernel (fstat), so dup and close need no bookkeeping.
//
// What it does not understand ends the program: a recording with a hole is worse than none. LMDB's lock.mdb is not recorded;
// it is shared memory, and the program makes it anew. Nor are the blocks of meter/cells, which are written as memory: a crash may
// leave any of them, and tests/unit/meter says what becomes of that.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "tests/crash/record.h"

namespace {

using weir::testing::RecordHead;
using weir::testing::StepKind;

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// The C library's own: the result, or -1 and errno.
template <typename... Arguments>
long kernel(long number, Arguments... arguments) {
  static auto* const call = real<long(long, ...)>("syscall");
  return call(number, arguments...);
}

constexpr std::string_view kCells = "/meter/cells/";

[[noreturn]] void refuse(const std::string& what) {
  const auto line = "recorder: " + what + "\n";
  kernel(SYS_write, 2, line.data(), line.size());
  ::abort();
}

class Recorder {
 public:
  Recorder() {
    const char* folder = ::getenv("WEIR_CRASH_FOLDER");
    const char* log = ::getenv("WEIR_CRASH_LOG");
    if (!folder || !log) return;
    char* canonical = ::realpath(folder, nullptr);
    if (!canonical) refuse(std::string(folder) + " is not there");
    folder_ = canonical;
    ::free(canonical);
    struct stat status{};
    ::stat(folder_.c_str(), &status);
    device_ = status.st_dev;
    log_ = static_cast<int>(kernel(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (log_ < 0) refuse(std::string(log) + " cannot be written");
    if (const char* steps = ::getenv("WEIR_CRASH_KILL_AFTER")) steps_left_ = ::strtoull(steps, nullptr, 10);
    for (const char* name : {"WEIR_CRASH_FOLDER", "WEIR_CRASH_LOG", "WEIR_CRASH_KILL_AFTER"}) ::unsetenv(name);
    append({.kind = StepKind::start, .inode = status.st_ino});
  }

  // Empty: not watched. The folder itself is "/", what is in it "/name".
  std::string watched_path(int directory, const char* path) const {
    if (log_ < 0 || !path || !*path) return {};
    std::string whole = path;
    if (*path != '/') {
      const auto base = directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(directory);
      char target[4096];
      const auto size = ::readlink(base.c_str(), target, sizeof target);
      if (size <= 0) return {};
      whole = std::string(target, static_cast<std::size_t>(size)) + '/' + path;
    }
    while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
    // The last component need not be there, and is not followed.
    const auto slash = whole.rfind('/');
    auto name = whole.substr(slash + 1);
    auto parent = whole.substr(0, slash == 0 ? 1 : slash);
    if (name == "." || name == "..") {
      parent = whole;
      name.clear();
    }
    char* canonical = ::realpath(parent.c_str(), nullptr);
    if (!canonical) return {};
    whole = std::string(canonical) + (name.empty() ? "" : '/' + name);
    ::free(canonical);
    if (whole == folder_) return "/";
    if (whole.compare(0, folder_.size() + 1, folder_ + '/') != 0 || name == "lock.mdb") return {};
    if (whole.compare(folder_.size(), kCells.size(), kCells) == 0) return {};
    return whole.substr(folder_.size());
  }

  bool watched(int fd) {
    struct stat status{};
    if (log_ < 0 || ::fstat(fd, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) return false;
    std::lock_guard lock(mutex_);
    return status.st_dev == device_ && inodes_.count(status.st_ino) != 0;
  }

  long open(long number, int directory, const char* path, std::uint64_t flags, long third, long fourth) {
    const auto place = watched_path(directory, path);
    if (place.empty()) return kernel(number, directory, path, third, fourth);
    if ((flags & O_TMPFILE) == O_TMPFILE) refuse("a file without a name");
    std::lock_guard lock(mutex_);
    struct stat before{}, after{};
    const bool was_there = ::fstatat(directory, path, &before, AT_SYMLINK_NOFOLLOW) == 0;
    const auto fd = kernel(number, directory, path, third, fourth);
    if (fd < 0) return fd;
    if (was_there && S_ISLNK(before.st_mode)) refuse("a symbolic link at " + place);
    ::fstat(static_cast<int>(fd), &after);
    inodes_.insert(after.st_ino);
    if (!was_there) append({.kind = StepKind::create, .inode = after.st_ino}, place);
    else if ((flags & O_TRUNC) && before.st_size > 0) append({.kind = StepKind::resize, .inode = after.st_ino}, "");
    return fd;
  }

  // `positioned`: at `offset`; else where the descriptor stands.
  template <typename Call>
  long write(int fd, const iovec* pieces, int count, bool positioned, std::uint64_t offset, Call call) {
    if (!watched(fd)) return call();
    std::lock_guard lock(mutex_);
    const auto flags = ::fcntl(fd, F_GETFL);
    if (positioned && (flags & O_APPEND)) refuse("a write at an offset to what is only appended to");
    const auto written = call();
    if (written <= 0) return written;
    if (!positioned) offset = static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_CUR) - written);
    std::string bytes;
    for (const auto* piece = pieces; piece < pieces + count; ++piece) {
      bytes.append(static_cast<const char*>(piece->iov_base), piece->iov_len);
    }
    bytes.resize(static_cast<std::size_t>(written));
    append({.kind = StepKind::write, .inode = inode(fd), .number = offset, .synced = (flags & O_DSYNC) != 0}, "", "", bytes);
    return written;
  }

  // Whatever changes a file's size and no byte below both sizes.
  template <typename Call>
  long resize(int fd, Call call) {
    if (!watched(fd)) return call();
    std::lock_guard lock(mutex_);
    struct stat before{}, after{};
    ::fstat(fd, &before);
    const auto result = call();
    ::fstat(fd, &after);
    if (before.st_size != after.st_size) {
      append({.kind = StepKind::resize, .inode = after.st_ino, .number = static_cast<std::uint64_t>(after.st_size)});
    }
    return result;
  }

  template <typename Call>
  long sync(int fd, Call call) {
    if (!watched(fd)) return call();
    std::lock_guard lock(mutex_);
    const auto result = call();
    if (result == 0) append({.kind = StepKind::sync, .inode = inode(fd)});
    return result;
  }

  // One name made or removed.
  template <typename Call>
  long name(StepKind kind, int directory, const char* path, Call call) {
    const auto place = watched_path(directory, path);
    if (place.empty()) return call();
    std::lock_guard lock(mutex_);
    const auto result = call();
    if (result != 0) return result;
    struct stat status{};
    if (kind == StepKind::directory || kind == StepKind::socket) ::fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW);
    append({.kind = kind, .inode = status.st_ino}, place);
    return result;
  }

  template <typename Call>
  long names(StepKind kind, int from_directory, const char* from, int to_directory, const char* to, Call call) {
    const auto place = watched_path(from_directory, from), other = watched_path(to_directory, to);
    if (place.empty() && other.empty()) return call();
    if (place.empty() || other.empty()) refuse("a name that crosses the folder's edge: " + place + other);
    std::lock_guard lock(mutex_);
    const auto result = call();
    if (result == 0) append({.kind = kind}, place, other);
    return result;
  }

  void refuse_path(int directory, const char* path, const char* what) const {
    if (const auto place = watched_path(directory, path); !place.empty()) refuse(std::string(what) + " at " + place);
  }
  void refuse_descriptor(int fd, const char* what) {
    if (watched(fd)) refuse(what);
  }

 private:
  static std::uint64_t inode(int fd) {
    struct stat status{};
    ::fstat(fd, &status);
    return status.st_ino;
  }

  void append(RecordHead head, const std::string& path = "", const std::string& other = "", const std::string& bytes = "") {
    head.path_size = path.size();
    head.other_size = other.size();
    head.byte_count = bytes.size();
    const iovec pieces[] = {{&head, sizeof head},
                            {const_cast<char*>(path.data()), path.size()},
                            {const_cast<char*>(other.data()), other.size()},
                            {const_cast<char*>(bytes.data()), bytes.size()}};
    const auto size = sizeof head + path.size() + other.size() + bytes.size();
    if (kernel(SYS_writev, log_, pieces, 4) != static_cast<long>(size)) refuse("the log cannot be written");
    if (steps_left_ > 0 && --steps_left_ == 0) kernel(SYS_kill, ::getpid(), SIGKILL);
  }

  std::string folder_;
  dev_t device_ = 0;
  int log_ = -1;
  std::mutex mutex_;
  std::set<ino_t> inodes_;  // guarded by mutex_: what was opened beneath the folder
  std::uint64_t steps_left_ = 0;  // guarded by mutex_; 0: no end
};

// Made by the first call, which may come before this library's constructors; never destroyed, as the last comes late.
Recorder& recorder() {
  static auto* const only = new Recorder;
  return *only;
}

const char* text(long argument) { return reinterpret_cast<const char*>(argument); }

long operate(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  const auto call = [=] { return kernel(number, a, b, c, d, e, f); };
  auto& to = recorder();
  const int fd = static_cast<int>(a);
  const auto at = static_cast<std::uint64_t>(d);
  const auto* pieces = reinterpret_cast<const iovec*>(b);
  const iovec piece{reinterpret_cast<void*>(b), static_cast<std::size_t>(c)};
  switch (number) {
    case SYS_openat: return to.open(number, fd, text(b), static_cast<std::uint64_t>(c), c, d);
    case SYS_openat2: return to.open(number, fd, text(b), reinterpret_cast<const open_how*>(c)->flags, c, d);
    case SYS_write: return to.write(fd, &piece, 1, false, 0, call);
    case SYS_pwrite64: return to.write(fd, &piece, 1, true, at, call);
    case SYS_writev: return to.write(fd, pieces, static_cast<int>(c), false, 0, call);
    case SYS_pwritev: return to.write(fd, pieces, static_cast<int>(c), true, at, call);
    case SYS_fallocate:
      if (b & ~static_cast<long>(FALLOC_FL_KEEP_SIZE)) to.refuse_descriptor(fd, "fallocate that does more than allocate");
      return to.resize(fd, call);
    case SYS_ftruncate: return to.resize(fd, call);
    case SYS_fsync:
    case SYS_fdatasync: return to.sync(fd, call);
    case SYS_mkdirat: return to.name(StepKind::directory, fd, text(b), call);
    case SYS_unlinkat: return to.name(c & AT_REMOVEDIR ? StepKind::remove_directory : StepKind::unlink, fd, text(b), call);
    case SYS_renameat2:
      if (e & ~static_cast<long>(RENAME_NOREPLACE)) to.refuse_path(fd, text(b), "an exchange of names");
      return to.names(StepKind::rename, fd, text(b), static_cast<int>(c), text(d), call);
    case SYS_linkat: return to.names(StepKind::link, fd, text(b), static_cast<int>(c), text(d), call);
    case SYS_symlinkat: to.refuse_path(static_cast<int>(b), text(c), "a symbolic link"); return call();
    case SYS_mknodat: to.refuse_path(fd, text(b), "a special file"); return call();
    case SYS_pwritev2:
    case SYS_sendfile: to.refuse_descriptor(fd, "a write of a kind that is not recorded"); return call();
    case SYS_copy_file_range:
    case SYS_splice: to.refuse_descriptor(static_cast<int>(c), "bytes moved within the kernel"); return call();
    case SYS_mmap:
      if ((d & MAP_SHARED) && (c & PROT_WRITE)) to.refuse_descriptor(static_cast<int>(e), "a file written as memory");
      return call();
    case SYS_io_uring_setup: refuse("io_uring, which writes unseen");
#ifdef SYS_open  // the C library's functions do not come this way
    case SYS_open:
    case SYS_creat:
    case SYS_truncate:
    case SYS_rename:
    case SYS_renameat:
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_link:
    case SYS_unlink:
    case SYS_symlink:
    case SYS_mknod: refuse("a system call by its old number");
#endif
    default: return call();
  }
}

template <typename... Arguments>
int operate_int(long number, Arguments... arguments) {
  return static_cast<int>(operate(number, (long)arguments...));
}

bool opens_to_write(const char* mode) { return *mode != 'r' || std::string(mode).find('+') != std::string::npos; }

}  // namespace

// ---- the C library's names ----------------------------------------------------------------------
extern "C" {

long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long given[6];
  for (auto& each : given) each = va_arg(list, long);
  va_end(list);
  return operate(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

#define OPEN(NAME, PARAMETERS, DIRECTORY)                                           \
  int NAME PARAMETERS {                                                             \
    va_list list;                                                                   \
    va_start(list, flags);                                                          \
    const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0; \
    va_end(list);                                                                   \
    return operate_int(SYS_openat, DIRECTORY, path, flags, mode);                   \
  }
OPEN(open, (const char* path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char* path, int flags, ...), AT_FDCWD)
OPEN(openat, (int directory, const char* path, int flags, ...), directory)
OPEN(openat64, (int directory, const char* path, int flags, ...), directory)
// What _FORTIFY_SOURCE makes of a call without a mode.
int __open_2(const char* path, int flags) { return operate_int(SYS_openat, AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return operate_int(SYS_openat, AT_FDCWD, path, flags, 0); }
int __openat_2(int directory, const char* path, int flags) { return operate_int(SYS_openat, directory, path, flags, 0); }
int __openat64_2(int directory, const char* path, int flags) { return operate_int(SYS_openat, directory, path, flags, 0); }
int creat(const char* path, mode_t mode) { return operate_int(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char* path, mode_t mode) { return operate_int(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

ssize_t write(int fd, const void* bytes, size_t size) { return operate(SYS_write, fd, (long)bytes, (long)size); }
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return operate(SYS_pwrite64, fd, (long)bytes, (long)size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) { return pwrite(fd, bytes, size, at); }
ssize_t writev(int fd, const iovec* pieces, int count) { return operate(SYS_writev, fd, (long)pieces, count); }
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t at) { return operate(SYS_pwritev, fd, (long)pieces, count, at); }
ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t at) { return pwritev(fd, pieces, count, at); }
ssize_t pwritev2(int fd, const iovec* pieces, int count, off_t at, int flags) {
  return operate(SYS_pwritev2, fd, (long)pieces, count, at, 0, flags);
}
ssize_t pwritev64v2(int fd, const iovec* pieces, int count, off64_t at, int flags) {
  return pwritev2(fd, pieces, count, at, flags);
}
ssize_t sendfile(int to, int from, off_t* at, size_t size) noexcept {
  return operate(SYS_sendfile, to, from, (long)at, (long)size);
}
ssize_t sendfile64(int to, int from, off64_t* at, size_t size) noexcept { return sendfile(to, from, at, size); }
ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags) {
  return operate(SYS_copy_file_range, from, (long)from_at, to, (long)to_at, (long)size, flags);
}
ssize_t splice(int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags) {
  return operate(SYS_splice, from, (long)from_at, to, (long)to_at, (long)size, flags);
}

int ftruncate(int fd, off_t size) noexcept { return operate_int(SYS_ftruncate, fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return operate_int(SYS_ftruncate, fd, size); }
int fallocate(int fd, int mode, off_t at, off_t size) { return operate_int(SYS_fallocate, fd, mode, at, size); }
int fallocate64(int fd, int mode, off64_t at, off64_t size) { return operate_int(SYS_fallocate, fd, mode, at, size); }
int posix_fallocate(int fd, off_t at, off_t size) { return fallocate(fd, 0, at, size) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return posix_fallocate(fd, at, size); }
int truncate(const char* path, off_t size) noexcept {
  const int fd = operate_int(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int result = operate_int(SYS_ftruncate, fd, size);
  const int why = errno;
  ::close(fd);
  errno = why;
  return result;
}
int truncate64(const char* path, off64_t size) noexcept { return truncate(path, size); }

int fsync(int fd) { return operate_int(SYS_fsync, fd); }
int fdatasync(int fd) { return operate_int(SYS_fdatasync, fd); }
void* mmap(void* wish, size_t size, int protection, int flags, int fd, off_t at) noexcept {
  return (void*)operate(SYS_mmap, (long)wish, (long)size, protection, flags, fd, at);
}
void* mmap64(void* wish, size_t size, int protection, int flags, int fd, off64_t at) noexcept {
  return mmap(wish, size, protection, flags, fd, at);
}

int mkdir(const char* path, mode_t mode) noexcept { return operate_int(SYS_mkdirat, AT_FDCWD, path, mode); }
int mkdirat(int directory, const char* path, mode_t mode) noexcept { return operate_int(SYS_mkdirat, directory, path, mode); }
int rmdir(const char* path) noexcept { return operate_int(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR); }
int unlink(const char* path) noexcept { return operate_int(SYS_unlinkat, AT_FDCWD, path, 0); }
int unlinkat(int directory, const char* path, int flags) noexcept { return operate_int(SYS_unlinkat, directory, path, flags); }
int remove(const char* path) noexcept { return unlink(path) == 0 || (errno == EISDIR && rmdir(path) == 0) ? 0 : -1; }
int rename(const char* from, const char* to) noexcept { return operate_int(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  return operate_int(SYS_renameat2, from_directory, from, to_directory, to, 0);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept {
  return operate_int(SYS_renameat2, from_directory, from, to_directory, to, flags);
}
int link(const char* from, const char* to) noexcept { return operate_int(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) noexcept {
  return operate_int(SYS_linkat, from_directory, from, to_directory, to, flags);
}
int symlink(const char* target, const char* path) noexcept { return operate_int(SYS_symlinkat, target, AT_FDCWD, path); }
int symlinkat(const char* target, int directory, const char* path) noexcept {
  return operate_int(SYS_symlinkat, target, directory, path);
}
int mknod(const char* path, mode_t mode, dev_t device) noexcept { return operate_int(SYS_mknodat, AT_FDCWD, path, mode, device); }
int mknodat(int directory, const char* path, mode_t mode, dev_t device) noexcept {
  return operate_int(SYS_mknodat, directory, path, mode, device);
}

int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  const auto call = [=] { return kernel(SYS_bind, fd, address, size); };
  const auto* local = reinterpret_cast<const sockaddr_un*>(address);
  if (address->sa_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) return static_cast<int>(call());
  const std::string path(local->sun_path, ::strnlen(local->sun_path, size - offsetof(sockaddr_un, sun_path)));
  return static_cast<int>(recorder().name(StepKind::socket, AT_FDCWD, path.c_str(), call));
}

// Streams write by calls within the C library that nothing stands in front of.
FILE* fopen(const char* path, const char* mode) {
  if (opens_to_write(mode)) recorder().refuse_path(AT_FDCWD, path, "a stream");
  return real<FILE*(const char*, const char*)>("fopen")(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  if (opens_to_write(mode)) recorder().refuse_path(AT_FDCWD, path, "a stream");
  return real<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

}  // extern "C"
