// The branch of `?:` that was not taken leaves nothing to destroy.
#include "case.h"

namespace spike {

Task<Tracked> make() { co_return Tracked(); }

Task<bool> choose(bool first) {
  Tracked chosen = first ? co_await make() : Tracked();
  co_return true;
}

Task<Tracked> choose_and_return(bool first) { co_return first ? co_await make() : Tracked(); }

bool run_case() {
  for (bool first : {true, false}) {
    run(choose(first));
    run(choose_and_return(first));
  }
  return Tracked::alive == 0;
}

}  // namespace spike
