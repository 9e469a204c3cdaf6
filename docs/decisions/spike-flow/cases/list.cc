// `co_await f({"a", "b"})` passes a list of two.
#include "case.h"

namespace spike {

Task<std::size_t> count(std::vector<std::string> words) { co_return words.size(); }

Task<std::size_t> ask() { co_return co_await count({"a", "b"}); }

bool run_case() { return run(ask()) == 2; }

}  // namespace spike
