#include "base/loop.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

struct SocketPair {
  UniqueFd near, far;
  SocketPair() {
    int fds[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    near = UniqueFd(fds[0]);
    far = UniqueFd(fds[1]);
  }
};

}  // namespace

TEST_CASE("posted work runs on the loop's thread in the order of posting") {
  LoopThread thread(3);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) thread.loop().post([&order, i] { order.push_back(i); });
  const bool there = thread.call([&] { return thread.loop().on_this_thread(); });
  CHECK(there);
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  CHECK_FALSE(thread.loop().on_this_thread());
  CHECK(thread.loop().index() == 3);
}

TEST_CASE("work that posts work comes back to the loop in between") {
  LoopThread thread;
  std::vector<std::string> order;
  std::promise<void> done;
  thread.loop().post([&] {
    thread.loop().post([&] {
      order.push_back("posted within");
      done.set_value();
    });
    order.push_back("first");
  });
  auto future = done.get_future();
  take(future);
  CHECK(order == std::vector<std::string>{"first", "posted within"});
}

TEST_CASE("work from many threads is run once each") {
  LoopThread thread;
  std::atomic<int> count{0};
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < 4; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) thread.loop().post([&count] { ++count; });
      });
    }
  }
  thread.settle();
  CHECK(count == 4000);
}

TEST_CASE("work posted before stop is still run, and stop before run is heeded") {
  Loop loop(system_clock(), 0);
  int count = 0;
  loop.post([&] { ++count; });
  loop.stop();
  loop.run();
  CHECK(count == 1);
}

// Delays are measured by a clock that moves so often: the kernel's coarse one, at 250 ticks a second.
constexpr Milliseconds kTick{5};

TEST_CASE("a timer calls back once, after its delay") {
  LoopThread thread;
  std::promise<Instant> fired;
  auto future = fired.get_future();
  std::unique_ptr<Timer> timer;
  const auto begun = thread.call([&] {
    timer = std::make_unique<Timer>(thread.loop(), [&] { fired.set_value(thread.loop().now()); });
    timer->start(Milliseconds(20));
    return thread.loop().now();
  });
  CHECK(take(future) - begun >= Milliseconds(20) - kTick);  // a second call would throw out of the promise
  thread.call([&] { timer.reset(); });
}

TEST_CASE("a timer that was stopped, destroyed or started anew does not call back") {
  LoopThread thread;
  std::atomic<int> wrong{0};
  std::promise<void> last;
  auto future = last.get_future();
  std::vector<std::unique_ptr<Timer>> timers;
  thread.call([&] {
    for (int i = 0; i < 3; ++i) timers.push_back(std::make_unique<Timer>(thread.loop(), [&wrong] { ++wrong; }));
    for (auto& timer : timers) timer->start(Milliseconds(1));
    timers[0]->stop();
    timers[1].reset();
    timers[2]->start(Seconds(3600));
    timers.push_back(std::make_unique<Timer>(thread.loop(), [&last] { last.set_value(); }));
    timers.back()->start(Milliseconds(15));
  });
  take(future);
  CHECK(wrong == 0);
  thread.call([&] { timers.clear(); });
}

TEST_CASE("a timer may destroy itself in its callback") {
  LoopThread thread;
  std::unique_ptr<Timer> timer;
  std::promise<void> fired;
  auto future = fired.get_future();
  thread.call([&] {
    timer = std::make_unique<Timer>(thread.loop(), [&] {
      timer.reset();
      fired.set_value();
    });
    timer->start(Milliseconds(0));
  });
  take(future);
  CHECK_FALSE(timer);
}

TEST_CASE("a delay below zero is no delay") {
  LoopThread thread;
  std::unique_ptr<Timer> timer;
  std::promise<void> fired;
  auto future = fired.get_future();
  thread.call([&] {
    timer = std::make_unique<Timer>(thread.loop(), [&] { fired.set_value(); });
    timer->start(Milliseconds(-5));
  });
  take(future);
  thread.call([&] { timer.reset(); });
}

TEST_CASE("a watch says what its descriptor is ready for, as long as it is") {
  LoopThread thread;
  SocketPair sockets;
  std::atomic<int> reads{0}, writes{0};
  std::unique_ptr<Watch> watch;
  thread.call([&] {
    watch = std::make_unique<Watch>(thread.loop(), sockets.near.get(), [&](bool readable, bool writable) {
      reads += readable;
      writes += writable;
      if (reads >= 3 || writable) watch->set(false, false);
    });
    watch->set(true, false);
  });
  thread.settle();
  CHECK(reads == 0);
  REQUIRE(::write(sockets.far.get(), "x", 1) == 1);
  CHECK(comes_true([&] { return reads >= 3; }));  // nobody read the byte: level-triggered
  thread.call([&] { watch->set(false, true); });
  CHECK(comes_true([&] { return writes == 1; }));
  thread.settle();
  CHECK(reads == 3);
  CHECK(writes == 1);
  thread.call([&] { watch.reset(); });
}

TEST_CASE("a watch may be destroyed in its callback") {
  LoopThread thread;
  SocketPair sockets;
  std::unique_ptr<Watch> watch;
  std::promise<void> called;
  auto future = called.get_future();
  thread.call([&] {
    watch = std::make_unique<Watch>(thread.loop(), sockets.near.get(), [&](bool, bool) {
      watch.reset();
      called.set_value();
    });
    watch->set(true, false);
  });
  REQUIRE(::write(sockets.far.get(), "x", 1) == 1);
  take(future);
  CHECK_FALSE(watch);
}

TEST_CASE("a signal is delivered on the loop's thread") {
  LoopThread thread;
  std::promise<bool> heard;
  auto future = heard.get_future();
  std::unique_ptr<SignalWatch> watch;
  thread.call([&] {
    watch = std::make_unique<SignalWatch>(thread.loop(), SIGUSR2, [&] { heard.set_value(thread.loop().on_this_thread()); });
  });
  ::kill(::getpid(), SIGUSR2);
  CHECK(take(future));
  thread.call([&] { watch.reset(); });
}

TEST_CASE("a manual clock stands still until it is moved") {
  ManualClock clock(1'000);
  Loop loop(clock, 0);
  const auto before = loop.now();
  CHECK(clock.wall_seconds() == 1'000);
  clock.advance(Milliseconds(1'500));
  CHECK(loop.now() - before == Milliseconds(1'500));
  CHECK(clock.wall_seconds() == 1'001);
  CHECK(clock.wall_milliseconds() == 1'001'500);
}
