#include "proxy/upstream/health.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {
void fall_silent(Health& health) {
  for (unsigned i = 0; i < Health::kFailures; ++i) health.silent();
}
}  // namespace

TEST_CASE("an upstream is asked until it has been silent three times in a row") {
  const ManualClock clock;
  Health health(clock);
  for (unsigned i = 0; i < Health::kFailures; ++i) {
    CHECK(health.may_ask());
    CHECK(health.may_ask());
    health.silent();
  }
  CHECK_FALSE(health.may_ask());
}

TEST_CASE("an answer in between begins the count anew") {
  const ManualClock clock;
  Health health(clock);
  for (int round = 0; round < 5; ++round) {
    for (unsigned i = 1; i < Health::kFailures; ++i) health.silent();
    health.answered();
  }
  CHECK(health.may_ask());
}

TEST_CASE("one request a second finds out whether it is back") {
  ManualClock clock;
  Health health(clock);
  fall_silent(health);
  clock.advance(Health::kRetryAfter - Milliseconds(1));
  CHECK_FALSE(health.may_ask());
  clock.advance(Milliseconds(1));
  CHECK(health.may_ask());
  CHECK_FALSE(health.may_ask());  // the others wait for how that one fares
  health.silent();
  CHECK_FALSE(health.may_ask());
  clock.advance(Health::kRetryAfter);
  CHECK(health.may_ask());
}

TEST_CASE("an answer closes the circuit at once") {
  const ManualClock clock;
  Health health(clock);
  fall_silent(health);
  health.answered();
  CHECK(health.may_ask());
  CHECK(health.may_ask());
  for (unsigned i = 1; i < Health::kFailures; ++i) health.silent();
  CHECK(health.may_ask());
}

TEST_CASE("one that asks and never says how it went blocks the others for a second only") {
  ManualClock clock;
  Health health(clock);
  fall_silent(health);
  for (int round = 0; round < 3; ++round) {
    clock.advance(Health::kRetryAfter);
    CHECK(health.may_ask());
    CHECK_FALSE(health.may_ask());
  }
}

TEST_CASE("silence is no connection and no first byte; an answer of any kind is none") {
  CHECK(Health::is_silence({Failure::unreachable, Side::upstream, true, "refused"}));
  CHECK(Health::is_silence({Failure::timeout, Side::upstream, true, "no first byte"}));
  CHECK_FALSE(Health::is_silence({Failure::refused, Side::upstream, true, "500", 500}));
  CHECK_FALSE(Health::is_silence({Failure::corrupt, Side::upstream, true, "no HTTP"}));
  CHECK_FALSE(Health::is_silence({Failure::timeout, Side::local, true, "ours"}));
  CHECK_FALSE(Health::is_silence({Failure::cancelled, Side::local, false, "shutting down"}));
}
