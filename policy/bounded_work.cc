#include "policy/bounded_work.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/fd.h"
#include "base/file_system.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int kLookRound = 50;  // milliseconds between two looks at its memory

// Bytes that are in memory; 0 when nobody can say.
std::uint64_t resident(const std::string& process) {
  const auto line = read_small_file("/proc/" + process + "/statm", 256);
  if (!line) return 0;
  const auto figures = split(*line, ' ');
  const auto pages = figures.size() > 1 ? parse_number(figures[1]) : std::nullopt;
  return pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Not _exit(): a sanitizer would look there for threads that the other process had not joined, and call them leaks of this one.
[[noreturn]] void end_process(int code) {
  ::syscall(SYS_exit_group, code);
  __builtin_unreachable();
}

// A connection that this program closes is closed for its client: nobody else may hold it open.
[[noreturn]] void answer_and_end(const std::function<std::string()>& work, int out, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) end_process(1);
  ::signal(SIGPIPE, SIG_DFL);
  constexpr int kOut = 3;
  if (out != kOut && ::dup2(out, kOut) < 0) end_process(1);
  if (::close_range(kOut + 1, ~0u, 0) != 0) {
    for (int fd = kOut + 1, end = static_cast<int>(::sysconf(_SC_OPEN_MAX)); fd < end; ++fd) ::close(fd);
  }
  const auto answer = work();
  for (std::size_t done = 0; done < answer.size();) {
    const auto count = ::write(kOut, answer.data() + done, answer.size() - done);
    if (count < 0 && errno != EINTR) end_process(1);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  end_process(0);
}

}  // namespace

Result<std::string> run_bounded(const std::function<std::string()>& work, const WorkBounds& bounds) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const auto most = resident("self") + bounds.memory;
  const auto deadline = std::chrono::steady_clock::now() + bounds.time;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "start a process");
  if (child == 0) answer_and_end(work, out.get(), parent);
  out = UniqueFd();

  std::string answer;
  std::string piece(1 << 16, '\0');
  Result<std::string> result = Error{Failure::io, Side::local, false, "the process that did the work ended without an answer"};
  bool ended = false;
  while (!ended) {
    if (std::chrono::steady_clock::now() >= deadline) {
      result = Error{Failure::timeout, Side::local, false, "it took longer than " + show_duration(bounds.time)};
      break;
    }
    if (resident(std::to_string(child)) > most) {
      result = Error{Failure::too_large, Side::local, false, "it took more than " + show_size(bounds.memory) + " of memory"};
      break;
    }
    pollfd ready{in.get(), POLLIN, 0};
    if (::poll(&ready, 1, kLookRound) <= 0) continue;
    const auto count = ::read(in.get(), piece.data(), piece.size());
    if (count > 0) answer.append(piece.data(), static_cast<std::size_t>(count));
    ended = count == 0 || (count < 0 && errno != EINTR);
  }
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) return answer;
  return result;
}

}  // namespace weir
