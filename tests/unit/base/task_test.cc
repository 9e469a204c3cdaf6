#include "base/task.h"

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace weir;

namespace {

// Suspends until somebody resumes it by hand.
struct Manual {
  std::coroutine_handle<> waiting;
  auto wait() {
    struct Awaiter {
      Manual& manual;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> caller) const { manual.waiting = caller; }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
  void resume() { std::exchange(waiting, {}).resume(); }
};

// Notes in `log` that it was destroyed.
struct Witness {
  std::vector<std::string>& log;
  std::string name;
  ~Witness() { log.push_back(name + " gone"); }
};

Task<int> seven() { co_return 7; }

Task<void> run_into(std::vector<std::string>& log) {
  log.push_back("begun");
  const int number = co_await seven();
  log.push_back("got " + std::to_string(number));
}

Task<std::unique_ptr<int>> boxed(int number) { co_return std::make_unique<int>(number); }

Task<void> hold(std::vector<std::string>& log, Manual& manual, std::string name) {
  const Witness witness{log, name};
  co_await manual.wait();
  log.push_back(name + " resumed");
}

Task<void> outer(std::vector<std::string>& log, Manual& manual) {
  const Witness witness{log, "outer"};
  co_await hold(log, manual, "inner");
  log.push_back("outer goes on");
}

Task<bool> yes() { co_return true; }
Task<bool> no() { co_return false; }

}  // namespace

TEST_CASE("a task does nothing until it is awaited") {
  std::vector<std::string> log;
  {
    const auto task = run_into(log);
    CHECK(log.empty());
  }
  CHECK(log.empty());
  spawn(run_into(log));
  CHECK(log == std::vector<std::string>{"begun", "got 7"});
}

TEST_CASE("a value that cannot be copied comes out of a task") {
  std::unique_ptr<int> value;
  spawn([](std::unique_ptr<int>& into) -> Task<void> { into = co_await boxed(5); }(value));
  REQUIRE(value);
  CHECK(*value == 5);
}

TEST_CASE("a task runs at once until it first suspends, and its caller after it") {
  std::vector<std::string> log;
  Manual manual;
  spawn(outer(log, manual));
  CHECK(log.empty());
  manual.resume();
  CHECK(log == std::vector<std::string>{"inner resumed", "inner gone", "outer goes on", "outer gone"});
}

TEST_CASE("destroying a task that was not run destroys its parameters once") {
  std::vector<std::string> log;
  {
    const auto task = [](std::shared_ptr<Witness> witness) -> Task<void> {
      (void)witness;
      co_return;
    }(std::make_shared<Witness>(log, "parameter"));
  }
  CHECK(log == std::vector<std::string>{"parameter gone"});
}

TEST_CASE("what a task returned outlives the task's frame") {
  std::string text;
  spawn([](std::string& into) -> Task<void> {
    auto make = []() -> Task<std::string> { co_return std::string(1000, 'x'); };
    into = co_await make();
  }(text));
  CHECK(text == std::string(1000, 'x'));
}

TEST_CASE("co_await within a condition takes the right branch") {
  std::string taken;
  spawn([](std::string& into) -> Task<void> {
    if (co_await no() || co_await yes()) into += "or ";
    if (co_await yes() && co_await no()) into += "wrong ";
    into += (co_await yes() ? "yes" : "no");
  }(taken));
  CHECK(taken == "or yes");
}

TEST_CASE("a hundred thousand awaits that never suspend do not use up the stack") {
  std::uint64_t sum = 0;
  spawn([](std::uint64_t& into) -> Task<void> {
    for (int i = 0; i < 100'000; ++i) into += static_cast<std::uint64_t>(co_await seven());
  }(sum));
  CHECK(sum == 700'000);
}
