// The CPU time a server has used: the process and all its descendants (nginx's workers too).
//
// It is the utime + stime of /proc/PID/stat, read from the processes' CPU clocks: the kernel keeps one sum for both, the clock
// shows it in nanoseconds, the file in ticks of 10 ms. Descendants that ended are counted through their parent's cutime + cstime.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace bench {

// Nanoseconds used so far by `root` and everything below it; -1 when `root` is gone.
int64_t tree_cpu_nanoseconds(pid_t root);

}  // namespace bench
