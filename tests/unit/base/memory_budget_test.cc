#include "base/memory_budget.h"

#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// How much was taken; 0: nothing in that time.
std::future<std::unique_ptr<MemoryBudget::Share>> taken(LoopThread& thread, MemoryBudget& budget, std::uint64_t bytes,
                                                        Milliseconds patience = Seconds(60)) {
  return thread.start([&thread, &budget, bytes, patience]() -> Task<std::unique_ptr<MemoryBudget::Share>> {
    auto share = co_await budget.take(thread.loop(), bytes, patience);
    if (!share) co_return nullptr;
    co_return std::make_unique<MemoryBudget::Share>(*std::move(share));
  });
}

}  // namespace

TEST_CASE("shares grow within the budget, and give back what they had") {
  MemoryBudget budget(100);
  {
    auto one = budget.share(), two = budget.share();
    CHECK(one.grow_to(60));
    CHECK_FALSE(two.grow_to(41));
    CHECK(two.grow_to(40));
    CHECK_FALSE(one.grow_to(61));
    CHECK(one.bytes() == 60);
    CHECK(budget.used() == 100);
    one.shrink_to(10);
    CHECK(two.grow_to(90));
    two.shrink_to(95);  // no more than it has
    CHECK(two.bytes() == 90);
    auto moved = std::move(two);
    CHECK(two.bytes() == 0);
    CHECK(budget.used() == 100);
    one = std::move(moved);
    CHECK(budget.used() == 90);
  }
  CHECK(budget.used() == 0);
  MemoryBudget::Share of_nothing;
  CHECK(of_nothing.grow_to(0));
  CHECK_FALSE(of_nothing.grow_to(1));
}

TEST_CASE("who finds no room waits for some") {
  LoopThread thread;
  MemoryBudget budget(100);
  auto first = taken(thread, budget, 70), second = taken(thread, budget, 60);
  auto held = take(first);
  REQUIRE(held);
  thread.settle();
  CHECK_FALSE(ready(second));
  held->shrink_to(40);
  CHECK(take(second));
  CHECK(budget.refused() == 0);
}

TEST_CASE("who waits too long is refused, and takes nothing") {
  LoopThread thread;
  MemoryBudget budget(100);
  const auto failed = thread.run([&]() -> Task<Failure> {
    auto room = co_await budget.take(thread.loop(), 101, Milliseconds(5));
    co_return room ? Failure::invalid : room.error().failure;
  });
  CHECK(failed == Failure::overloaded);
  CHECK(budget.used() == 0);
  CHECK(budget.refused() == 1);
}
