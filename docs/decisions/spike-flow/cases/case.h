#pragma once
// What the cases share: running a task to its end or to its first wait, and a value that knows whether it was born.

#include <cstddef>
#include <string>
#include <vector>

#include "../task.h"

namespace spike {

// Each case defines this; true means that the program did what the language says.
bool run_case();

// REQUIRES: the task never waits.
template <typename T>
T run(Task<T> task) {
  task.start();
  return task.take();
}

// Nobody wakes it: whoever awaits it can only be cancelled.
struct Forever {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const noexcept { return 0; }
};

// Counts those alive; one that is destroyed twice, or was never made, makes the count wrong.
struct Tracked {
  Tracked() { ++alive; }
  Tracked(const Tracked&) { ++alive; }
  ~Tracked() { --alive; }

  static inline int alive = 0;
};

}  // namespace spike

int main() { return spike::run_case() ? 0 : 3; }
