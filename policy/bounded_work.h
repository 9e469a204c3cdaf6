#pragma once
// Work in a process of its own, which may take so much time and memory and no more: for what cannot be told to stop.
//
// The process is a copy of this one with nothing open but the way back. It may compute and allocate; it has none of the other
// threads, so it must wait for nobody. It ends when the thread that asked for it does.

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

struct WorkBounds {
  Milliseconds time = Seconds(60);
  std::uint64_t memory = 1ull << 30;  // bytes, beside what this process held when it began
};

// What `work` returned. Blocks its thread. Error: timeout; too_large, it took more memory; io, it ended without an answer.
Result<std::string> run_bounded(const std::function<std::string()>& work, const WorkBounds& bounds);

}  // namespace weir
