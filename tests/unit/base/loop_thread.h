// A loop with a thread of its own, and Tasks run on it while the test waits. Every wait has an end: a Task that never
// comes back ends the program with a word about it, instead of hanging it.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/loop.h"
#include "base/task.h"
#include "base/wait.h"

namespace weir::testing {

// Only a failing test waits this long.
inline constexpr auto kPatience = std::chrono::seconds(20);

inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

// What `future` brings, or the end of the program.
template <typename T>
T take(std::future<T>& future) {
  if (future.wait_for(kPatience) != std::future_status::ready) {
    std::fputs("a test waited in vain for a loop\n", stderr);
    std::abort();
  }
  return future.get();
}

template <typename T>
bool ready(const std::future<T>& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

template <typename T>
struct TaskValue;
template <typename T>
struct TaskValue<Task<T>> {
  using Type = T;
};

class LoopThread {
 public:
  explicit LoopThread(unsigned index = 0, const Clock& clock = system_clock())
      : loop_(clock, index), thread_([this] { loop_.run(); }) {}
  ~LoopThread() {
    loop_.stop();
    thread_.join();
  }
  LoopThread(const LoopThread&) = delete;

  Loop& loop() { return loop_; }

  // Starts the Task that `make` returns, on the loop; `make` lives until the Task has ended.
  template <typename Make>
  auto start(Make make) {
    using Value = typename TaskValue<std::invoke_result_t<Make>>::Type;
    auto promise = std::make_shared<std::promise<Value>>();
    auto future = promise->get_future();
    loop_.post([promise, make = std::make_shared<Make>(std::move(make))] { spawn(keep(promise, make)); });
    return future;
  }

  // The same, waited for.
  template <typename Make>
  auto run(Make make) {
    auto future = start(std::move(make));
    return take(future);
  }

  // Plain work on the loop, waited for.
  template <typename Work>
  auto call(Work work) {
    using Value = std::invoke_result_t<Work>;
    auto task = std::make_shared<std::packaged_task<Value()>>(std::move(work));
    auto future = task->get_future();
    loop_.post([task] { (*task)(); });
    return take(future);
  }

  // Returns when everything that was posted before has run.
  void settle() {
    call([] {});
  }

 private:
  template <typename Promise, typename Make>
  static Task<void> keep(std::shared_ptr<Promise> promise, std::shared_ptr<Make> make) {
    if constexpr (std::is_void_v<typename TaskValue<std::invoke_result_t<Make>>::Type>) {
      co_await (*make)();
      promise->set_value();
    } else {
      auto value = co_await (*make)();
      promise->set_value(std::move(value));
    }
  }

  Loop loop_;
  std::thread thread_;
};

// Asks until it holds. For what another thread does on its own time and nobody announces.
template <typename Predicate>
bool comes_true(Predicate predicate) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= deadline) return predicate();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace weir::testing
