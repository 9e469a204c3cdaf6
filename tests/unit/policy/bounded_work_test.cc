#include "policy/bounded_work.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstring>
#include <vector>

using namespace weir;

TEST_CASE("work of its own process comes back whole") {
  const auto answer = run_bounded([] { return std::string(3 << 20, 'x') + "end"; }, {});
  REQUIRE(answer.ok());
  CHECK(answer->size() == (3 << 20) + 3);
  CHECK(answer->ends_with("xend"));
  const auto nothing = run_bounded([] { return std::string(); }, {});
  REQUIRE(nothing.ok());
  CHECK(nothing->empty());
}

TEST_CASE("what takes too long, takes too much, or dies is an error") {
  const auto forever = run_bounded(
      [] {
        for (volatile unsigned i = 0;; i = i + 1) {
        }
        return std::string();
      },
      {.time = Milliseconds(50)});
  REQUIRE_FALSE(forever.ok());
  CHECK(forever.error().failure == Failure::timeout);

  const auto fat = run_bounded(
      [] {
        std::vector<std::string> held;
        for (;;) held.emplace_back(1 << 20, 'x');
        return std::string();
      },
      {.time = Seconds(60), .memory = 64 << 20});
  REQUIRE_FALSE(fat.ok());
  CHECK(fat.error().failure == Failure::too_large);

  const auto dead = run_bounded([]() -> std::string { ::_exit(3); }, {});
  REQUIRE_FALSE(dead.ok());
  CHECK(dead.error().failure == Failure::io);
}

TEST_CASE("the process has nothing open of what this one has") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const auto written = run_bounded([&] { return std::to_string(::write(ends[1], "x", 1)); }, {});
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(written.ok());
  CHECK(*written == "-1");
}
