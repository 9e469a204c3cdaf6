// One program run by a test, which cannot outlive it.
//
// A thread of its own forks the child, watches its memory and reaps it. The kernel kills the child when that thread
// ends (PR_SET_PDEATHSIG follows the forking thread, not the process), thus whenever the test program dies, however it
// dies. All functions may be called by any thread.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/wait.h"

namespace weir::testing {

struct ChildOptions {
  std::vector<std::string> arguments = {};    // the first is the program, a path or a name in PATH
  std::vector<std::string> environment = {};  // NAME=value, nothing else is inherited
  std::string directory = {};                 // to start in; empty: the test's own
  std::string input_file = "/dev/null";
  std::string output_file = "/dev/null";  // appended to, as the next
  std::string error_file = "/dev/null";
};

class ChildProcess {
 public:
  // Started when this returns. A program that cannot be executed exits with 127.
  explicit ChildProcess(ChildOptions options);

  // Kills it when it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool running() const;
  void signal(int number);

  // The exit code, or minus the number of the signal that ended it; nothing while it runs.
  std::optional<int> exit_code() const;
  std::optional<int> wait_for_exit(Milliseconds timeout = kPatience) const;

  // Anonymous resident memory, which page cache and mapped files do not count towards; 0 when it has ended.
  std::uint64_t rss_anon_kib() const;

  // The most that was seen, looking every ten milliseconds.
  std::uint64_t peak_rss_anon_kib() const;
  void forget_peak();

  std::size_t open_descriptors() const;

 private:
  void guard();
  pid_t launch();

  ChildOptions options_;
  pid_t pid_ = 0;  // set before the constructor returns

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool started_ = false;  // guarded by mutex_, as all below
  std::optional<int> exit_code_;
  std::uint64_t peak_ = 0;

  std::thread guardian_;
};

}  // namespace weir::testing
