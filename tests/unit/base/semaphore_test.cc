#include "base/semaphore.h"

#include <atomic>

#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// Acquires on `thread`; an empty permit stands for a timeout.
std::future<std::unique_ptr<Semaphore::Permit>> acquired(LoopThread& thread, Semaphore& semaphore,
                                                         Milliseconds timeout = Seconds(60)) {
  return thread.start([&, timeout]() -> Task<std::unique_ptr<Semaphore::Permit>> {
    auto permit = co_await semaphore.acquire(thread.loop(), timeout);
    if (!permit) co_return nullptr;
    co_return std::make_unique<Semaphore::Permit>(*std::move(permit));
  });
}

}  // namespace

TEST_CASE("as many as the limit are let in at once, and one more waits for a place") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(2);
  auto first = acquired(thread, *semaphore), second = acquired(thread, *semaphore), third = acquired(thread, *semaphore);
  auto one = take(first), two = take(second);
  CHECK(one);
  CHECK(two);
  thread.settle();
  CHECK_FALSE(ready(third));
  one.reset();
  CHECK(take(third));
}

TEST_CASE("who waits too long is told so, and takes no place") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(1);
  auto first = acquired(thread, *semaphore);
  auto held = take(first);
  const auto failed = thread.run([&]() -> Task<Failure> {
    auto permit = co_await semaphore->acquire(thread.loop(), Milliseconds(5));
    co_return permit ? Failure::invalid : permit.error().failure;
  });
  CHECK(failed == Failure::timeout);
  held.reset();
  auto next = acquired(thread, *semaphore, Milliseconds(5));
  CHECK(take(next));
}

TEST_CASE("a timeout of zero takes a free place and waits for none") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(1);
  auto first = acquired(thread, *semaphore, Milliseconds(0));
  auto held = take(first);
  CHECK(held);
  auto second = acquired(thread, *semaphore, Milliseconds(0));
  CHECK_FALSE(take(second));
  held.reset();
  auto third = acquired(thread, *semaphore, Milliseconds(0));
  CHECK(take(third));
}

TEST_CASE("a place given back twice is given back once") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(1);
  auto first = acquired(thread, *semaphore);
  auto permit = take(first);
  permit->reset();
  permit->reset();
  permit.reset();
  auto one = acquired(thread, *semaphore);
  const auto held = take(one);
  auto other = acquired(thread, *semaphore, Milliseconds(5));
  CHECK_FALSE(take(other));
}

TEST_CASE("a permit that was moved is given back once, by its last owner") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(1);
  auto first = acquired(thread, *semaphore);
  auto permit = take(first);
  Semaphore::Permit moved(std::move(*permit));
  permit.reset();
  auto waits = acquired(thread, *semaphore, Milliseconds(5));
  CHECK_FALSE(take(waits));
  moved = Semaphore::Permit();
  auto next = acquired(thread, *semaphore, Milliseconds(5));
  CHECK(take(next));
}

TEST_CASE("those who wait are served in the order they came") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(1);
  auto first = acquired(thread, *semaphore);
  auto held = take(first);
  std::vector<std::future<std::unique_ptr<Semaphore::Permit>>> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(acquired(thread, *semaphore));
    thread.settle();
  }
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    held.reset();
    held = take(waiting[i]);
    CHECK(held);
    thread.settle();
    if (i + 1 < waiting.size()) CHECK_FALSE(ready(waiting[i + 1]));
  }
}

TEST_CASE("a newcomer does not take the place of one who has waited for it") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(1);
  auto first = acquired(thread, *semaphore);
  auto held = take(first);
  std::vector<std::string> order;
  std::vector<std::future<bool>> done;
  const auto enter = [&](std::string name) {
    return [&order, &thread, semaphore, name]() -> Task<bool> {
      auto permit = co_await semaphore->acquire(thread.loop(), Seconds(60));
      order.push_back(name);
      co_return permit.ok();
    };
  };
  done.push_back(thread.start(enter("waited")));
  thread.settle();
  // In one turn of the loop the place comes free and a newcomer asks for it, before the one who waits has been resumed.
  std::promise<bool> entered;
  done.push_back(entered.get_future());
  thread.call([&] {
    held.reset();
    spawn([](auto make, std::promise<bool>& into) -> Task<void> { into.set_value(co_await make()); }(enter("newcomer"), entered));
  });
  for (auto& each : done) CHECK(take(each));
  CHECK(order == std::vector<std::string>{"waited", "newcomer"});
}

TEST_CASE("when two places come free at once, one for who waits and one for a newcomer, both are let in") {
  LoopThread thread;
  const auto semaphore = std::make_shared<Semaphore>(2);
  auto first = acquired(thread, *semaphore), second = acquired(thread, *semaphore);
  auto one = take(first), two = take(second);
  auto waited = acquired(thread, *semaphore);
  thread.settle();
  // Before the one who waits has been resumed: both places come free, and a newcomer asks.
  std::promise<bool> entered;
  auto newcomer = entered.get_future();
  thread.call([&] {
    one.reset();
    two.reset();
    spawn([](LoopThread& on, std::shared_ptr<Semaphore> places, std::promise<bool>& into) -> Task<void> {
      const auto begun = on.loop().now();
      auto permit = co_await places->acquire(on.loop(), Seconds(4));
      // A timeout finds the place as well; who is let in needs none.
      into.set_value(permit.ok() && on.loop().now() - begun < Seconds(3));
    }(thread, semaphore, entered));
  });
  const auto held = take(waited);
  CHECK(held);
  CHECK(take(newcomer));  // although the other keeps its place
}

TEST_CASE("over several loops there are never more inside than the limit, and all get in") {
  LoopThread first(0), second(1);
  const auto semaphore = std::make_shared<Semaphore>(3);
  std::atomic<int> inside{0}, most{0}, served{0};
  const auto visit = [&](Loop& loop) -> Task<bool> {
    for (int round = 0; round < 30; ++round) {
      auto permit = co_await semaphore->acquire(loop, Seconds(60));
      if (!permit) co_return false;
      const int now = ++inside;
      int seen = most.load();
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      co_await sleep_for(loop, Milliseconds(0));
      --inside;
      ++served;
    }
    co_return true;
  };
  std::vector<std::future<bool>> done;
  for (int i = 0; i < 6; ++i) {
    done.push_back(first.start([&] { return visit(first.loop()); }));
    done.push_back(second.start([&] { return visit(second.loop()); }));
  }
  for (auto& each : done) CHECK(take(each));
  CHECK(most.load() <= 3);  // fewer where this thread was held up between two visitors
  CHECK(served == 12 * 30);
}
