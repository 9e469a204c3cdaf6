#include "server_cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace bench {
namespace {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  int64_t reaped_ticks = 0;  // cutime + cstime
};

// The name in /proc/PID/stat may hold spaces and brackets: fields are counted from its last bracket.
bool read_process(pid_t pid, Process& out) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE* file = fopen(path, "re");
  if (!file) return false;
  char line[1024];
  const bool got = fgets(line, sizeof line, file) != nullptr;
  fclose(file);
  const char* fields = got ? strrchr(line, ')') : nullptr;
  if (!fields) return false;
  long long reaped_user = 0, reaped_system = 0;
  int parent = 0;
  if (sscanf(fields + 1, " %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld %lld", &parent, &reaped_user, &reaped_system) !=
      3)
    return false;
  out = {pid, parent, reaped_user + reaped_system};
  return true;
}

std::vector<Process> all_processes() {
  std::vector<Process> all;
  DIR* proc = opendir("/proc");
  if (!proc) return all;
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = atoi(entry->d_name);
    Process process;
    if (pid > 0 && read_process(pid, process)) all.push_back(process);
  }
  closedir(proc);
  return all;
}

int64_t own_nanoseconds(pid_t pid) {
  clockid_t clock;
  timespec used;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return used.tv_sec * 1'000'000'000LL + used.tv_nsec;
}

}  // namespace

int64_t tree_cpu_nanoseconds(pid_t root) {
  static const int64_t kTick = 1'000'000'000LL / sysconf(_SC_CLK_TCK);
  const std::vector<Process> all = all_processes();
  std::vector<pid_t> tree{root};
  int64_t sum = 0;
  bool found = false;
  for (size_t i = 0; i < tree.size(); ++i) {
    for (const Process& process : all) {
      if (process.parent == tree[i]) tree.push_back(process.pid);
      if (process.pid != tree[i]) continue;
      found = true;
      sum += own_nanoseconds(process.pid) + process.reaped_ticks * kTick;
    }
  }
  return found ? sum : -1;
}

}  // namespace bench
