// The real program, run with a configuration in a temporary directory.
//
//   WeirProcess weir("[upstream.up]\nurl = " + upstream.url() + "\ndefault = yes\n");
//   REQUIRE(weir.start());
//   HttpClient client(weir.url());
//   ...
//   CHECK(weir.metric("weir_fills_total", {{"result", "ok"}}) == 1);
//
// In the configuration and in arguments, "{directory}" stands for the temporary directory. Where the configuration does
// not say otherwise, the program listens on 127.0.0.1 with ports that the kernel chooses (new ones at each start) and
// keeps its store in {directory}/store. The environment is the test's without WEIR_*, AWS_*, proxy settings and
// systemd's variables.
//
// The destructor kills the program and removes the directory. The end of the log is printed when the program crashed
// or the running test has failed (see failure_watch.h).
//
// Used by one thread at a time, but for metric(), metrics() and what only looks at the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/metrics.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait.h"

namespace weir::testing {

struct WeirOptions {
  std::vector<std::string> arguments = {};  // more of them, e.g. "--set", "cache.capacity=1MiB"
  std::map<std::string, std::string> environment = {};
  Milliseconds ready_timeout = kPatience;
};

class WeirProcess {
 public:
  explicit WeirProcess(std::string configuration, WeirOptions options = {});
  ~WeirProcess();
  WeirProcess(const WeirProcess&) = delete;
  WeirProcess& operator=(const WeirProcess&) = delete;

  // Writes the configuration, starts the program and waits until it is ready: it has named its listeners and /readyz
  // says so. False when it ended first (exit_code() and log() say why) or the time was over.
  [[nodiscard]] bool start();

  // The same without waiting, for a program that is expected not to become ready.
  void launch();
  [[nodiscard]] bool wait_until_ready();

  std::optional<int> terminate(Milliseconds timeout = kPatience);  // SIGTERM; the exit code, nothing if it still runs
  void kill();                                                     // SIGKILL, and waits
  void hang_up();                                                  // SIGHUP; does not wait for the reload
  [[nodiscard]] bool restart();                                    // terminate, then start on the same directory

  // Takes effect at the next start, or at once for a SIGHUP.
  void set_configuration(std::string configuration);

  bool running() const;
  std::optional<int> exit_code() const;  // see ChildProcess
  std::optional<int> wait_for_exit(Milliseconds timeout = kPatience) const;
  pid_t pid() const;

  // Where it listens, by the listener's name in the ports file; empty before it is ready.
  std::string address(const std::string& listener = "server") const;  // 127.0.0.1:PORT, the first of that name
  std::vector<std::string> addresses(const std::string& listener) const;
  std::string url() const { return "http://" + address("server"); }
  std::string tls_url() const { return "https://" + address("server-tls"); }
  std::string admin_url() const { return "http://" + address("admin"); }

  const TemporaryDirectory& directory() const { return directory_; }
  std::string path(const std::string& name) const { return directory_.file(name); }

  // Standard output and standard error since the first start.
  std::string output() const;
  std::string log() const;
  std::string log_tail(std::size_t lines = 40) const;

  // From the admin listener; empty when it does not answer. A metric is the sum of the series that have these labels.
  Metrics metrics() const;
  double metric(const std::string& name, const Labels& labels = {}) const;
  [[nodiscard]] bool wait_for_metric(const std::string& name, const Labels& labels, double at_least,
                                     Milliseconds timeout = kPatience) const;

  std::uint64_t rss_anon_kib() const;
  std::uint64_t peak_rss_anon_kib() const;
  void forget_peak();
  std::size_t open_descriptors() const;

 private:
  std::vector<std::string> command() const;
  std::string expanded(std::string text) const;
  void write_configuration() const;
  bool is_ready();
  bool crashed() const;

  TemporaryDirectory directory_;
  std::string configuration_;
  WeirOptions options_;
  std::multimap<std::string, std::string> addresses_;
  std::unique_ptr<ChildProcess> child_;
  bool asked_to_end_ = false;
};

// $WEIR, or build/release/weir.
std::string weir_program();

// One command of the program run to its end, e.g. run_weir({"config", "check", "--config", file}).
struct CommandResult {
  std::optional<int> exit_code;  // nothing: it was still running after the time, and was killed
  std::string output;
  std::string error;
};
CommandResult run_weir(std::vector<std::string> arguments, const std::string& input = "", Milliseconds timeout = kPatience);

}  // namespace weir::testing
