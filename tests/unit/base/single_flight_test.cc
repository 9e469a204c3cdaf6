#include "base/single_flight.h"

#include <atomic>

#include "base/result.h"
#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

using Flights = SingleFlight<std::string, int>;

// Work that ends when the test says so.
struct Gated {
  std::shared_ptr<OneShot<int>> gate;
  std::atomic<int> runs{0};
  explicit Gated(Loop& loop) : gate(std::make_shared<OneShot<int>>(loop)) {}
  Task<int> work() {
    ++runs;
    auto value = co_await gate->wait();
    co_return *value;
  }
};

std::future<Flights::Answer> ask(LoopThread& thread, Flights& flights, std::string key, Gated& gated, std::atomic<int>& asked) {
  return thread.start([&, key]() -> Task<Flights::Answer> {
    ++asked;
    auto answer = co_await flights.run(thread.loop(), key, [&gated] { return gated.work(); });
    co_return answer;
  });
}

}  // namespace

TEST_CASE("the work is done once for all who ask while it lasts, on whichever loop") {
  LoopThread first(0), second(1);
  Flights flights;
  Gated gated(first.loop());
  std::atomic<int> asked{0};
  std::vector<std::future<Flights::Answer>> answers;
  answers.push_back(ask(first, flights, "k", gated, asked));
  first.settle();
  for (int i = 0; i < 5; ++i) {
    answers.push_back(ask(first, flights, "k", gated, asked));
    answers.push_back(ask(second, flights, "k", gated, asked));
  }
  CHECK(comes_true([&] { return asked == 11; }));
  first.settle();
  second.settle();
  gated.gate->set(42);
  int started = 0;
  for (auto& future : answers) {
    const auto answer = take(future);
    CHECK(answer.value == 42);
    started += !answer.joined;
  }
  CHECK(started == 1);
  CHECK(gated.runs == 1);
}

TEST_CASE("another key is other work") {
  LoopThread thread;
  Flights flights;
  Gated one(thread.loop()), other(thread.loop());
  std::atomic<int> asked{0};
  auto first = ask(thread, flights, "one", one, asked), second = ask(thread, flights, "other", other, asked);
  thread.settle();
  other.gate->set(2);
  CHECK(take(second).value == 2);
  CHECK_FALSE(ready(first));
  one.gate->set(1);
  CHECK(take(first).value == 1);
}

TEST_CASE("who asks after the answer starts anew") {
  LoopThread thread;
  Flights flights;
  int runs = 0;
  for (int i = 1; i <= 3; ++i) {
    const auto answer = thread.run([&]() -> Task<Flights::Answer> {
      auto found = co_await flights.run(thread.loop(), "k", [&runs]() -> Task<int> { co_return ++runs; });
      co_return found;
    });
    CHECK(answer.value == i);
    CHECK_FALSE(answer.joined);
  }
}

TEST_CASE("a failure is an answer for all who waited, and is not kept") {
  LoopThread thread;
  SingleFlight<int, Result<std::string>> flights;
  auto gate = std::make_shared<OneShot<bool>>(thread.loop());
  const auto ask_once = [&]() -> Task<bool> {
    auto answer = co_await flights.run(thread.loop(), 1, [gate]() -> Task<Result<std::string>> {
      auto good = co_await gate->wait();
      if (!*good) co_return Error{Failure::refused, Side::upstream, true, "no"};
      co_return std::string("yes");
    });
    co_return answer.value.ok();
  };
  auto first = thread.start(ask_once), second = thread.start(ask_once);
  thread.settle();
  gate->set(false);
  CHECK_FALSE(take(first));
  CHECK_FALSE(take(second));
  gate = std::make_shared<OneShot<bool>>(thread.loop());
  auto third = thread.start(ask_once);
  thread.settle();
  gate->set(true);
  CHECK(take(third));
}
