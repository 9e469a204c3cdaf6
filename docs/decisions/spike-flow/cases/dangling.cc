// Not to be run: two tasks that outlive what they refer to, which the compiler is meant to refuse under -Werror.
#include "case.h"

namespace spike {

Task<std::size_t> length(const std::string& word) { co_return word.size(); }

Task<std::size_t> outlive_argument() {
  Task<std::size_t> task = length(std::string("gone at the semicolon"));
  co_return co_await task;
}

Task<std::size_t> outlive_capture() {
  const std::size_t size = 1;
  Task<std::size_t> task = [size]() -> Task<std::size_t> { co_return size; }();
  co_return co_await task;
}

bool run_case() { return run(outlive_argument()) + run(outlive_capture()) > 0; }

}  // namespace spike
