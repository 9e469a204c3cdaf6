#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/support/file_descriptor.h"

namespace weir::testing {

namespace {

constexpr Milliseconds kLook{10};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

FileDescriptor opened(const std::string& file, int flags) {
  FileDescriptor fd(::open(file.c_str(), flags | O_CLOEXEC, 0600));
  if (!fd) throw std::runtime_error("cannot open " + file);
  return fd;
}

// In the child, between fork and exec, where only system calls are safe: the forking program has other threads.
[[noreturn]] void become(pid_t parent, const char* directory, const int (&files)[3], char* const* arguments,
                         char* const* environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  for (int fd = 0; fd < 3; ++fd) ::dup2(files[fd], fd);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  if (*directory && ::chdir(directory) != 0) ::_exit(127);
  ::execvpe(arguments[0], arguments, environment);
  static constexpr char kMessage[] = "the program cannot be executed\n";
  (void)!::write(2, kMessage, sizeof kMessage - 1);
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(ChildOptions options) : options_(std::move(options)) {
  guardian_ = std::thread([this] { guard(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return started_; });
}

ChildProcess::~ChildProcess() {
  signal(SIGKILL);
  guardian_.join();
}

pid_t ChildProcess::launch() {
  auto input = opened(options_.input_file, O_RDONLY);
  auto output = opened(options_.output_file, O_WRONLY | O_CREAT | O_APPEND);
  auto error = opened(options_.error_file, O_WRONLY | O_CREAT | O_APPEND);
  const int files[3] = {input.get(), output.get(), error.get()};
  auto arguments = pointers_to(options_.arguments);
  auto environment = pointers_to(options_.environment);
  pid_t parent = ::getpid();
  pid_t child = ::fork();
  if (child == 0) become(parent, options_.directory.c_str(), files, arguments.data(), environment.data());
  return child;
}

void ChildProcess::guard() {
  pid_t child = -1;
  try {
    child = launch();
  } catch (const std::runtime_error&) {
  }
  FileDescriptor watch(child > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, child, 0)) : -1);
  {
    std::lock_guard lock(mutex_);
    pid_ = child;
    started_ = true;
    if (child < 0) exit_code_ = 127;
    changed_.notify_all();
  }
  if (child < 0) return;
  pollfd entry{watch.get(), POLLIN, 0};
  while (::poll(&entry, 1, static_cast<int>(kLook.count())) <= 0) {
    auto now = rss_anon_kib();
    std::lock_guard lock(mutex_);
    peak_ = std::max(peak_, now);
  }
  // Under the lock, so that signal() never meets a number that has been given to another process.
  std::lock_guard lock(mutex_);
  int status = 0;
  ::waitpid(child, &status, 0);
  exit_code_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  changed_.notify_all();
}

bool ChildProcess::running() const { return !exit_code(); }

void ChildProcess::signal(int number) {
  std::lock_guard lock(mutex_);
  if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::exit_code() const {
  std::lock_guard lock(mutex_);
  return exit_code_;
}

std::optional<int> ChildProcess::wait_for_exit(Milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, within(timeout), [&] { return exit_code_.has_value(); });
  return exit_code_;
}

std::uint64_t ChildProcess::rss_anon_kib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  while (status >> word) {
    std::uint64_t kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib;
  }
  return 0;
}

std::uint64_t ChildProcess::peak_rss_anon_kib() const {
  std::lock_guard lock(mutex_);
  return peak_;
}

void ChildProcess::forget_peak() {
  std::lock_guard lock(mutex_);
  peak_ = 0;
}

std::size_t ChildProcess::open_descriptors() const {
  std::error_code error;
  std::filesystem::directory_iterator each("/proc/" + std::to_string(pid_) + "/fd", error);
  if (error) return 0;
  return static_cast<std::size_t>(std::distance(begin(each), end(each)));
}

}  // namespace weir::testing
