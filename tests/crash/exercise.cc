// The program that recorder_test.cc records: does one thing to the folder it is started in, by the name it is given.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <source_location>
#include <string_view>

namespace {

void must(bool done, std::source_location where = std::source_location::current()) {
  if (done) return;
  std::fprintf(stderr, "exercise.cc:%u failed\n", static_cast<unsigned>(where.line()));
  std::exit(1);
}

int made(const char* path, int flags = 0) { return ::open(path, O_RDWR | O_CREAT | flags, 0600); }

void every_call() {
  const int here = ::open(".", O_RDONLY | O_DIRECTORY);
  must(::mkdir("p", 0700) == 0);
  must(::mkdirat(here, "q", 0700) == 0);
  const int p = ::openat(here, "p", O_RDONLY | O_DIRECTORY);

  // Opened in every way.
  const int a = made("a");
  const int b = ::openat(p, "b", O_RDWR | O_CREAT | O_EXCL, 0600);
  const int c = ::creat("p/../p/./c", 0600);
  open_how how{.flags = O_RDWR | O_CREAT, .mode = 0600, .resolve = RESOLVE_BENEATH};
  const int d = static_cast<int>(::syscall(SYS_openat2, p, "d", &how, sizeof how));
  const int e = made("e", O_APPEND);
  for (const int fd : {a, b, c, d, e}) must(fd >= 0);

  // Written in every way.
  char text[] = "0123456789";
  const iovec pieces[] = {{text, 3}, {text + 5, 4}};
  must(::write(a, text, 10) == 10);
  must(::pwrite(a, text, 4, 20) == 4);
  must(::writev(b, pieces, 2) == 7);
  must(::pwritev(b, pieces, 2, 5) == 7);
  const int again = ::dup(b);
  must(::lseek(again, 2, SEEK_SET) == 2);
  must(::write(again, "same file", 9) == 9);
  must(::pwrite(d, "by number", 9, 0) == 9);
  must(::write(e, "end ", 4) == 4);
  must(::write(e, "of it", 5) == 5);
  must(::close(made("a", O_TRUNC)) == 0);
  must(::pwrite(a, "after", 5, 3) == 5);
  const int synced = made("a", O_DSYNC);
  must(::pwrite(synced, "safe", 4, 0) == 4);

  // Sizes.
  must(::ftruncate(b, 6) == 0);
  must(::truncate("p/d", 30) == 0);
  must(::fallocate(c, 0, 0, 50) == 0);
  must(::fallocate(c, FALLOC_FL_KEEP_SIZE, 0, 5000) == 0);
  must(::posix_fallocate(c, 40, 30) == 0);

  // Synced.
  must(::fsync(a) == 0);
  must(::fdatasync(b) == 0);
  must(::fsync(p) == 0);

  // Names.
  must(::link("a", "a2") == 0);
  must(::linkat(here, "a", p, "a3", 0) == 0);
  must(::rename("a", "q/a") == 0);
  must(::renameat(p, "b", here, "q/b") == 0);
  must(::renameat2(here, "q/b", p, "b", RENAME_NOREPLACE) == 0);
  must(::rename("q", "r") == 0);
  must(::unlink("a2") == 0);
  must(::unlinkat(p, "a3", 0) == 0);
  must(::mkdir("s", 0700) == 0);
  must(::rmdir("s") == 0);
  must(::mkdir("t", 0700) == 0);
  must(std::filesystem::remove("t"));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "socket"};
  must(::bind(::socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);

  // Not beneath the folder.
  must(::write(made("../outside"), text, 10) == 10);
}

void a_file_written_as_memory() {
  const int fd = made("a");
  must(::ftruncate(fd, 4096) == 0);
  (void)::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

void a_stream() { (void)!std::fopen("a", "w"); }

void a_name_that_comes_from_outside() {
  must(made("../outside") >= 0);
  (void)::rename("../outside", "inside");
}

void an_exchange_of_names() {
  must((made("a") >= 0 && made("b") >= 0));
  (void)::renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE);
}

void a_hole() { (void)::fallocate(made("a"), FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096); }

constexpr struct {
  std::string_view name;
  void (*run)();
} kExercises[] = {
    {"every call", every_call},
    {"a file written as memory", a_file_written_as_memory},
    {"a stream", a_stream},
    {"a name that comes from outside", a_name_that_comes_from_outside},
    {"an exchange of names", an_exchange_of_names},
    {"a hole", a_hole},
};

}  // namespace

int main(int count, char** words) {
  for (const auto& exercise : kExercises) {
    if (count != 2 || exercise.name != words[1]) continue;
    exercise.run();
    return 0;
  }
  std::fprintf(stderr, "there is no such exercise\n");
  return 2;
}
