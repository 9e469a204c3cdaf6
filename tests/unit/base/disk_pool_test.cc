#include "base/disk_pool.h"

#include <atomic>
#include <latch>

#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

TEST_CASE("work runs off the loop and its answer comes back to it") {
  LoopThread thread;
  DiskPool pool(1);
  const auto [number, off, back] = thread.run([&]() -> Task<std::tuple<int, bool, bool>> {
    bool off_loop = false;
    auto value = co_await pool.run(thread.loop(), [&] {
      off_loop = !thread.loop().on_this_thread();
      return 7;
    });
    co_return std::tuple(value, off_loop, thread.loop().on_this_thread());
  });
  CHECK(number == 7);
  CHECK(off);
  CHECK(back);
}

TEST_CASE("an answer that cannot be copied is moved through") {
  LoopThread thread;
  DiskPool pool(1);
  const auto value = thread.run([&]() -> Task<std::unique_ptr<int>> {
    auto made = co_await pool.run(thread.loop(), [] { return std::make_unique<int>(3); });
    co_return made;
  });
  CHECK(*value == 3);
}

TEST_CASE("the loop serves others while the pool is at work") {
  LoopThread thread;
  DiskPool pool(1);
  std::latch open(1);
  auto done = thread.start([&]() -> Task<int> {
    auto value = co_await pool.run(thread.loop(), [&] {
      open.wait();
      return 1;
    });
    co_return value;
  });
  thread.settle();
  CHECK_FALSE(ready(done));
  open.count_down();
  CHECK(take(done) == 1);
}

TEST_CASE("as many jobs run at once as there are threads") {
  DiskPool pool(3);
  std::latch together(3), done(3);
  for (int i = 0; i < 3; ++i) {
    pool.submit([&] {
      together.arrive_and_wait();  // would never return with fewer threads
      done.count_down();
    });
  }
  CHECK(comes_true([&] { return done.try_wait(); }));
}

TEST_CASE("what was submitted is run before the pool ends, in order on one thread") {
  std::vector<int> order;
  {
    DiskPool pool(1);
    for (int i = 0; i < 100; ++i) pool.submit([&order, i] { order.push_back(i); });
  }
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}
