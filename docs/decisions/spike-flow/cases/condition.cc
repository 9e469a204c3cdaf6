// `if (!co_await a())` takes the branch that the answer says.
#include "case.h"

namespace spike {

Task<bool> answer(bool value) { co_return value; }

Task<int> ask(bool value) {
  if (!co_await answer(value)) co_return 1;
  co_return 2;
}

bool run_case() { return run(ask(false)) == 1 && run(ask(true)) == 2; }

}  // namespace spike
