#include "proxy/auth/throttle.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

struct Guesser {
  ManualClock clock;
  Throttle throttle{clock};

  // So many tries at once; how many of them were let through.
  int tries(int count, const std::string& source, const std::string& name) {
    int let = 0;
    for (int i = 0; i < count; ++i) let += throttle.begin(source, name) ? 0 : 1;
    return let;
  }
  std::int64_t wait(const std::string& source, const std::string& name) {
    const auto left = throttle.begin(source, name);
    return left ? left->count() : 0;
  }
};

}  // namespace

TEST_CASE("a source is its address, and in IPv6 its network") {
  CHECK(throttled_source("192.0.2.7:49152") == "192.0.2.7");
  CHECK(throttled_source("192.0.2.7") == "192.0.2.7");
  CHECK(throttled_source("[2001:db8:1:2:3:4:5:6]:49152") == "2001:db8:1:2::/64");
  CHECK(throttled_source("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64");
  CHECK(throttled_source("[::ffff:192.0.2.7]:80") == "192.0.2.7");
  CHECK(throttled_source("unix") == "unix");
  CHECK(throttled_source("") == "");
  CHECK(throttled_source("[") == "");
}

TEST_CASE("ten failures cost nothing, then the waits double up to a minute") {
  Guesser g;
  CHECK(g.tries(10, "10.0.0.1", "a") == 10);
  CHECK(g.wait("10.0.0.1", "b") == 1000);
  CHECK(g.wait("10.0.0.1", "b") == 1000);  // to ask is no failure
  std::int64_t expected = 1000;
  for (int i = 0; i < 12; ++i) {
    g.clock.advance(Milliseconds(expected));
    const auto other = "name" + std::to_string(i);
    CHECK_FALSE(g.throttle.begin("10.0.0.1", other).has_value());
    expected = std::min<std::int64_t>(expected * 2, 60'000);
    CHECK(g.wait("10.0.0.1", "b") == expected);
  }
}

TEST_CASE("a name waits at every source, ten seconds at most") {
  Guesser g;
  for (int i = 0; i < 10; ++i) CHECK(g.tries(1, "10.0.0." + std::to_string(i), "ann") == 1);
  CHECK(g.wait("10.9.9.9", "ann") == 1000);
  CHECK(g.tries(1, "10.9.9.9", "bob") == 1);
  for (int i = 0; i < 20; ++i) {
    g.clock.advance(Seconds(10));
    CHECK(g.tries(1, "10.1.0." + std::to_string(i), "ann") == 1);
  }
  CHECK(g.wait("10.9.9.9", "ann") == 10'000);
}

TEST_CASE("who has succeeded somewhere is not held up there by the failures of others") {
  Guesser g;
  CHECK(g.tries(1, "10.0.0.1", "ann") == 1);
  g.throttle.succeeded("10.0.0.1", "ann");
  for (int i = 0; i < 10; ++i) g.tries(1, "10.6.0." + std::to_string(i), "ann");
  CHECK(g.wait("10.6.6.6", "ann") > 0);
  CHECK(g.wait("10.0.0.1", "ann") == 0);
  // The source's own failures hold it up all the same.
  g.tries(20, "10.0.0.1", "bob");
  CHECK(g.wait("10.0.0.1", "ann") > 0);
}

TEST_CASE("a success takes itself back, and one failure; it is no licence to guess") {
  Guesser g;
  for (int i = 0; i < 30; ++i) {
    CHECK(g.tries(1, "10.0.0.1", "ann") == 1);
    g.throttle.succeeded("10.0.0.1", "ann");
  }
  CHECK(g.tries(20, "10.0.0.2", "bob") == 10);
  g.clock.advance(Seconds(1));
  CHECK(g.tries(1, "10.0.0.2", "ann") == 1);  // the eleventh
  g.throttle.succeeded("10.0.0.2", "ann");
  CHECK(g.tries(5, "10.0.0.2", "carl") == 1);
}

TEST_CASE("what came to nothing is not counted") {
  Guesser g;
  for (int i = 0; i < 30; ++i) {
    CHECK(g.tries(1, "10.0.0.1", "ann") == 1);
    g.throttle.abandoned("10.0.0.1", "ann");
  }
  CHECK(g.tries(20, "10.0.0.1", "ann") == 10);
}

TEST_CASE("a quarter of an hour without a failure and all is forgotten") {
  Guesser g;
  g.tries(10, "10.0.0.1", "ann");
  for (int i = 0; i < 8; ++i) {
    g.clock.advance(Seconds(60));
    g.tries(1, "10.0.0.1", "ann");
  }
  CHECK(g.wait("10.0.0.1", "ann") > 0);
  g.clock.advance(std::chrono::minutes(15));
  CHECK(g.tries(20, "10.0.0.1", "ann") == 10);
}

TEST_CASE("what is remembered is bounded, and the oldest goes first") {
  Guesser g;
  g.tries(11, "10.0.0.1", "ann");
  for (int i = 0; i < 19'999; ++i) g.throttle.begin("source" + std::to_string(i), "name" + std::to_string(i));
  CHECK(g.wait("10.0.0.1", "else") > 0);
  g.throttle.begin("one more", "one more");
  CHECK(g.wait("10.0.0.1", "else") == 0);
}
