// A coroutine that is destroyed while an aggregate is half made destroys the half that was.
#include "case.h"

namespace spike {

struct Whole {
  Tracked first;
  int answer;
  Tracked last;
};

Task<int> half() {
  Whole whole{Tracked(), co_await Forever(), Tracked()};
  co_return whole.answer;
}

bool run_case() {
  {
    Task<int> task = half();
    task.start();
    if (Tracked::alive != 1) return false;
  }
  return Tracked::alive == 0;
}

}  // namespace spike
