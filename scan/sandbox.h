#pragma once
// Sandbox: what the analyser of a layer gives up before it looks at the first hostile byte; the wrapper of libseccomp.
//
// Afterwards the process can read its input, write its output, and allocate memory up to a limit. It can open no file (seccomp;
// Landlock as well where the kernel has it), make no socket, start no process and write no file. It ends with its parent.
// A system call that is not allowed ends the process.
//
// Thread: the only one of its process.

#include <cstdint>

#include "base/result.h"

namespace weir {

struct SandboxLimits {
  std::uint64_t memory = 1ull << 30;  // bytes of address space
  unsigned cpu_seconds = 120;
};

// Descriptors that stay open must have been opened before. Error: io, the kernel refused one of the measures; then the caller
// must not go on.
Status enter_sandbox(const SandboxLimits& limits);

// Whether this kernel has Landlock: its ABI version, 0 for none.
int landlock_version();

}  // namespace weir
