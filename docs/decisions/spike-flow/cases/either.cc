// `if (co_await a() || co_await b())` takes the branch that the two answers say.
#include "case.h"

namespace spike {

Task<bool> answer(bool value) { co_return value; }

Task<bool> either(bool first, bool second) {
  if (co_await answer(first) || co_await answer(second)) co_return true;
  co_return false;
}

bool run_case() {
  return !run(either(false, false)) && run(either(false, true)) && run(either(true, false)) && run(either(true, true));
}

}  // namespace spike
