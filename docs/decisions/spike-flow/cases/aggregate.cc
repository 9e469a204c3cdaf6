// A braced aggregate passed by value into an awaited call is destroyed once.
#include "case.h"

namespace spike {

struct Question {
  std::string repository;
  std::string digest;
};

Task<std::size_t> length(Question question) { co_return question.repository.size() + question.digest.size(); }

Task<std::size_t> ask(const std::string& digest) { co_return co_await length({std::string(40, 'r'), digest}); }

bool run_case() {
  const std::string digest(64, 'd');
  return run(ask(digest)) == 104;
}

}  // namespace spike
