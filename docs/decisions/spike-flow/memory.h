#pragma once
// What the program has asked of the heap so far. memory.cc replaces operator new and delete to know it; under a sanitizer,
// which replaces them too, all stays zero.

#include <cstddef>

namespace spike {

struct Memory {
  std::size_t allocations = 0;
  std::size_t bytes = 0;
  std::ptrdiff_t live = 0;
  std::ptrdiff_t most_live = 0;
};

extern thread_local Memory memory;  // each thread counts its own

}  // namespace spike
