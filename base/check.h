#pragma once
// MUST: stays on in release, for what only a bug of our own can make false.
// What the world can cause (network, disk, input) is a Result, never a MUST.

namespace weir {

// Prints the broken expectation to stderr and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace weir

#define MUST(expression) \
  (__builtin_expect(!(expression), 0) ? ::weir::check_failed(#expression, __FILE__, __LINE__) : static_cast<void>(0))
