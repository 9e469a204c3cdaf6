#include "scan/sandbox.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>

namespace weir {
namespace {

// A sanitizer maps terabytes and reads /proc in the middle of the work: under one, the process keeps its address space and its
// system calls.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEIR_SANITIZED 1
#endif
#endif
#ifdef WEIR_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// landlock_create_ruleset(2) and its like, by number: the C library has no functions for them, and the header of Debian 12 knows
// the first version alone.
constexpr long kLandlockCreateRuleset = 444, kLandlockRestrictSelf = 446;
constexpr std::uint32_t kLandlockAskVersion = 1;
struct LandlockRuleset {
  std::uint64_t handled_access_fs = 0;
};
constexpr std::uint64_t kLandlockFirstVersion = (1ull << 13) - 1;  // every right of ABI 1

Status set_limit(int resource, std::uint64_t value, const char* name) {
  const rlimit limit{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0)
    return system_error(errno, std::string("set ") + name);
  return ok_status();
}

// No path at all may be used.
Status restrict_paths() {
  if (landlock_version() < 1) return ok_status();
  const LandlockRuleset rules{kLandlockFirstVersion};
  const auto ruleset = ::syscall(kLandlockCreateRuleset, &rules, sizeof rules, 0);
  if (ruleset < 0) return system_error(errno, "make a Landlock ruleset");
  const auto code = ::syscall(kLandlockRestrictSelf, ruleset, 0);
  const int error = errno;
  ::close(static_cast<int>(ruleset));
  if (code != 0) return system_error(error, "enter Landlock");
  return ok_status();
}

Status filter_system_calls() {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
  if (!filter) return system_error(ENOMEM, "make a seccomp filter");
  const auto allow = [&filter](int call) { return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); };
  for (const int call : {SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(write), SCMP_SYS(munmap), SCMP_SYS(mremap),
                         SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
                         SCMP_SYS(getrandom), SCMP_SYS(exit_group), SCMP_SYS(exit), SCMP_SYS(rt_sigreturn),
                         SCMP_SYS(rt_sigprocmask), SCMP_SYS(close), SCMP_SYS(getppid), SCMP_SYS(getpid)}) {
    if (const int code = allow(call); code < 0) return system_error(-code, "fill the seccomp filter");
  }
  // Memory may be had, and may not be made executable.
  constexpr std::uint64_t kExecutable = 4;  // PROT_EXEC
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    const int code = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, kExecutable, 0));
    if (code < 0) return system_error(-code, "fill the seccomp filter");
  }
  // What the C library asks for a descriptor of its own is refused without ending the process.
  for (const int call : {SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(sysinfo)}) {
    const int code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EACCES), call, 0);
    if (code < 0) return system_error(-code, "fill the seccomp filter");
  }
  if (const int code = seccomp_load(filter.get()); code < 0) return system_error(-code, "load the seccomp filter");
  return ok_status();
}

}  // namespace

int landlock_version() {
  const auto version = ::syscall(kLandlockCreateRuleset, nullptr, 0, kLandlockAskVersion);
  return version < 0 ? 0 : static_cast<int>(version);
}

Status enter_sandbox(const SandboxLimits& limits) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return system_error(errno, "be ended with the parent");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return system_error(errno, "forbid core dumps");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error(errno, "forbid new privileges");
  if (auto status = set_limit(RLIMIT_CPU, limits.cpu_seconds, "RLIMIT_CPU"); !status) return status;
  if (auto status = set_limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"); !status) return status;
  if (auto status = set_limit(RLIMIT_CORE, 0, "RLIMIT_CORE"); !status) return status;
  if (kSanitized) return ok_status();
  if (auto status = set_limit(RLIMIT_AS, limits.memory, "RLIMIT_AS"); !status) return status;
  if (auto status = restrict_paths(); !status) return status;
  // The last: from here on no descriptor can be made.
  if (auto status = set_limit(RLIMIT_NOFILE, 0, "RLIMIT_NOFILE"); !status) return status;
  return filter_system_calls();
}

}  // namespace weir
