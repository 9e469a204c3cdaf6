#include "scan/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/fd.h"
#include "base/hash.h"
#include "base/text.h"
#include "scan/analyser.h"
#include "scan/bytes.h"
#include "scan/layer_codec.h"
#include "scan/rpm_database.h"

namespace weir {
namespace {

constexpr int kLayerFd = 3, kAnswerFd = 4;
constexpr int kLookRound = 100;  // milliseconds between two looks at the clock
constexpr int kNiceness = 10;
constexpr int kNoSandbox = 3;    // exit code: the kernel refused a measure

struct Actions {
  posix_spawn_file_actions_t actions;
  Actions() { ::posix_spawn_file_actions_init(&actions); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions); }
};

Result<pid_t> start(int layer, int answer, const WorkerOptions& options) {
  Actions set;
  // The two may lie where the others belong, so both go out of the way first.
  const UniqueFd layer_copy(::fcntl(layer, F_DUPFD_CLOEXEC, 16)), answer_copy(::fcntl(answer, F_DUPFD_CLOEXEC, 16));
  if (!layer_copy.valid() || !answer_copy.valid()) return system_error(errno, "pass descriptors to a scan worker");
  ::posix_spawn_file_actions_addopen(&set.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&set.actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&set.actions, layer_copy.get(), kLayerFd);
  ::posix_spawn_file_actions_adddup2(&set.actions, answer_copy.get(), kAnswerFd);
  ::posix_spawn_file_actions_addclosefrom_np(&set.actions, kAnswerFd + 1);
  std::string name = "weir", command = "scan-worker", memory = std::to_string(options.sandbox.memory),
              seconds = std::to_string(options.sandbox.cpu_seconds), parent = std::to_string(::getpid());
  char* arguments[] = {name.data(), command.data(), memory.data(), seconds.data(), parent.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t child = 0;
  const int code = ::posix_spawn(&child, options.program.c_str(), &set.actions, nullptr, arguments, environment);
  if (code != 0) return system_error(code, "start a scan worker");
  return child;
}

LayerInventory not_analysed(std::string why) {
  LayerInventory inventory;
  inventory.state = LayerState::failed;
  inventory.problems.push_back(std::move(why));
  return inventory;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGSYS) return "the scan worker made a system call that it may not make";
    if (signal == SIGXCPU || signal == SIGKILL) return "limit reached: processor time or memory of the scan worker";
    return std::string("the scan worker was ended by signal ") + std::to_string(signal);
  }
  return "the scan worker ended without an answer";
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

Result<LayerInventory> analyse_in_worker(int layer_fd, const WorkerOptions& options, const std::atomic<bool>* stop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const auto child = start(layer_fd, out.get(), options);
  if (!child) return child.error();
  out.reset();
  const auto deadline = std::chrono::steady_clock::now() + options.time;
  std::string answer, piece(256 << 10, '\0');
  std::string killed;  // why
  bool ended = false, stopped = false;
  while (!ended && killed.empty() && !stopped) {
    stopped = stop && stop->load();
    if (std::chrono::steady_clock::now() >= deadline) killed = "limit reached: time of the scan worker";
    pollfd ready{in.get(), POLLIN, 0};
    if (::poll(&ready, 1, kLookRound) <= 0) continue;
    const auto count = ::read(in.get(), piece.data(), piece.size());
    if (count > 0) answer.append(piece.data(), static_cast<std::size_t>(count));
    ended = count == 0 || (count < 0 && errno != EINTR);
    if (answer.size() > options.answer_bytes) killed = "limit reached: size of the inventory";
  }
  if (!ended) ::kill(*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (stopped) return Error{Failure::cancelled, Side::local, true, "the scan was stopped"};
  if (!killed.empty()) return not_analysed(killed);
  // That says nothing of the layer.
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoSandbox)
    return Error{Failure::io, Side::local, false, "the scan worker could not enter its sandbox; its own message says why"};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return not_analysed(how_it_ended(status));
  auto inventory = decode_layer_inventory(answer, options.limits);
  if (!inventory) return not_analysed(inventory.error().what);
  return *std::move(inventory);
}

int scan_worker_main(const std::vector<std::string>& arguments) {
  SandboxLimits limits;
  const auto number = [&arguments](std::size_t i) { return i < arguments.size() ? parse_number(arguments[i]) : std::nullopt; };
  const auto memory = number(0), seconds = number(1), parent = number(2);
  if (!memory || !seconds || !parent) return 2;
  limits.memory = *memory;
  limits.cpu_seconds = static_cast<unsigned>(*seconds);
  ::setpriority(PRIO_PROCESS, 0, kNiceness);
  // Libraries that read files when they are first used do so now.
  (void)hash_of(HashAlgorithm::sha256, "");
  prepare_rpm_databases();
  if (auto status = enter_sandbox(limits); !status) {
    std::fprintf(stderr, "weir: scan worker: %s\n", status.error().what.c_str());
    return kNoSandbox;
  }
  if (static_cast<std::uint64_t>(::getppid()) != *parent) return 1;  // it ended before it could take this process along
  const auto inventory = analyse_layer(kLayerFd, ScanLimits());
  return write_all(kAnswerFd, encode(inventory)) ? 0 : 1;
}

}  // namespace weir
