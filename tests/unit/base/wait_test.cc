#include "base/wait.h"

#include <thread>

#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// A number that many wait for, as a Fill's readers wait for bytes.
struct Watched {
  std::mutex mutex;
  WaitList waiting;  // guarded by mutex
  int number = 0;    // guarded by mutex
  int asleep = 0;    // guarded by mutex; how many have joined the list

  Task<int> wait_for(Loop& loop, int wanted) {
    for (;;) {
      std::unique_lock lock(mutex);
      if (number >= wanted) co_return number;
      ++asleep;
      const bool woken = co_await waiting.wait(lock, loop);
      if (!woken || lock.owns_lock() || !loop.on_this_thread()) co_return -1;
    }
  }
  bool joined(int count) {
    std::lock_guard lock(mutex);
    return asleep >= count;
  }
  void set(int value) {
    std::lock_guard lock(mutex);
    number = value;
    waiting.wake_all();
  }
};

}  // namespace

TEST_CASE("a one-shot brings an answer from another thread back to the loop that waits") {
  LoopThread thread;
  auto shot = std::make_shared<OneShot<std::string>>(thread.loop());
  auto answer = thread.start([&]() -> Task<std::pair<std::string, bool>> {
    auto value = co_await shot->wait();
    co_return std::pair(value.value_or("nothing"), thread.loop().on_this_thread());
  });
  thread.settle();
  CHECK_FALSE(ready(answer));
  std::thread([shot] { shot->set("answer"); }).join();
  CHECK(take(answer) == std::pair<std::string, bool>("answer", true));
}

TEST_CASE("a one-shot that was answered before is not waited for") {
  LoopThread thread;
  auto shot = std::make_shared<OneShot<int>>(thread.loop());
  shot->set(7);
  thread.settle();
  const auto value = thread.run([&]() -> Task<std::optional<int>> { co_return co_await shot->wait(); });
  CHECK(value == 7);
}

TEST_CASE("a one-shot gives up after its timeout, and a late answer hurts nobody") {
  LoopThread thread;
  auto shot = std::make_shared<OneShot<std::unique_ptr<int>>>(thread.loop());
  const bool answered = thread.run([&]() -> Task<bool> {
    auto value = co_await shot->wait(Milliseconds(5));
    co_return value.has_value();
  });
  CHECK_FALSE(answered);
  shot->set(std::make_unique<int>(1));
  shot.reset();
  thread.settle();
}

TEST_CASE("an answer before the timeout is taken, and the timer goes with it") {
  LoopThread thread;
  auto shot = std::make_shared<OneShot<int>>(thread.loop());
  auto answer = thread.start([&]() -> Task<std::optional<int>> { co_return co_await shot->wait(Seconds(3600)); });
  thread.settle();
  shot->set(3);
  CHECK(take(answer) == 3);
}

TEST_CASE("a sleep lasts at least as long as it was asked to, though timers may be early") {
  LoopThread thread;
  for (int i = 0; i < 10; ++i) {
    const auto slept = thread.run([&]() -> Task<Instant::duration> {
      const auto begun = thread.loop().now();
      co_await sleep_for(thread.loop(), Milliseconds(10));
      co_return thread.loop().now() - begun;
    });
    CHECK(slept >= Milliseconds(10));
  }
}

TEST_CASE("a change wakes all who wait for it, each on its own loop") {
  LoopThread first(0), second(1);
  Watched watched;
  std::vector<std::future<int>> answers;
  for (int i = 0; i < 10; ++i) {
    answers.push_back(first.start([&] { return watched.wait_for(first.loop(), 1); }));
    answers.push_back(second.start([&] { return watched.wait_for(second.loop(), 1); }));
  }
  CHECK(comes_true([&] { return watched.joined(20); }));
  watched.set(5);
  for (auto& answer : answers) CHECK(take(answer) == 5);
}

TEST_CASE("who was woken for less than it wants waits on") {
  LoopThread thread;
  Watched watched;
  auto answer = thread.start([&] { return watched.wait_for(thread.loop(), 3); });
  CHECK(comes_true([&] { return watched.joined(1); }));
  watched.set(1);
  CHECK(comes_true([&] { return watched.joined(2); }));
  CHECK_FALSE(ready(answer));
  watched.set(3);
  CHECK(take(answer) == 3);
}

TEST_CASE("a wait without a wake-up ends with its timeout and leaves the list") {
  LoopThread thread;
  Watched watched;
  const bool woken = thread.run([&]() -> Task<bool> {
    std::unique_lock lock(watched.mutex);
    co_return co_await watched.waiting.wait(lock, thread.loop(), Milliseconds(5));
  });
  CHECK_FALSE(woken);
  watched.set(1);  // wakes nobody; the list's destructor checks that nobody is left
}

TEST_CASE("a wake-up before the timeout is a wake-up") {
  LoopThread thread;
  Watched watched;
  auto woken = thread.start([&]() -> Task<bool> {
    std::unique_lock lock(watched.mutex);
    ++watched.asleep;
    co_return co_await watched.waiting.wait(lock, thread.loop(), Seconds(3600));
  });
  CHECK(comes_true([&] { return watched.joined(1); }));
  watched.set(1);
  CHECK(take(woken));
}

TEST_CASE("wake_one wakes the one who waits longest") {
  LoopThread thread;
  Watched watched;
  std::vector<int> order;
  std::vector<std::future<bool>> done;
  for (int i = 0; i < 3; ++i) {
    done.push_back(thread.start([&, i]() -> Task<bool> {
      std::unique_lock lock(watched.mutex);
      ++watched.asleep;
      const bool woken = co_await watched.waiting.wait(lock, thread.loop());
      order.push_back(i);
      co_return woken;
    }));
    CHECK(comes_true([&] { return watched.joined(i + 1); }));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    {
      std::lock_guard lock(watched.mutex);
      watched.waiting.wake_one();
    }
    CHECK(take(done[i]));
    if (i < 2) CHECK_FALSE(ready(done[i + 1]));
  }
  CHECK(order == std::vector<int>{0, 1, 2});
}

TEST_CASE("timeouts and wake-ups that meet resume each waiter once") {
  LoopThread first(0), second(1);
  Watched watched;
  std::vector<std::future<int>> done;
  const auto wait_a_little = [&watched](Loop& loop) -> Task<int> {
    int rounds = 0;
    for (; rounds < 200; ++rounds) {
      std::unique_lock lock(watched.mutex);
      const bool woken = co_await watched.waiting.wait(lock, loop, Milliseconds(1));
      (void)woken;
    }
    co_return rounds;
  };
  for (int i = 0; i < 4; ++i) {
    done.push_back(first.start([&] { return wait_a_little(first.loop()); }));
    done.push_back(second.start([&] { return wait_a_little(second.loop()); }));
  }
  for (auto& each : done) {
    while (!ready(each)) {
      watched.set(1);
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    CHECK(take(each) == 200);
  }
}
