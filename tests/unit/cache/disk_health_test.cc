#include "cache/disk_health.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Error local(Failure failure) { return Error{failure, Side::local, false, "x"}; }

}  // namespace

TEST_CASE("what the disk did is its failure; what an upstream or a client did is not") {
  CHECK(DiskHealth::is_failure(local(Failure::no_space)));
  CHECK(DiskHealth::is_failure(local(Failure::io)));
  CHECK_FALSE(DiskHealth::is_failure(local(Failure::corrupt)));
  CHECK_FALSE(DiskHealth::is_failure(local(Failure::overloaded)));
  CHECK_FALSE(DiskHealth::is_failure(Error{Failure::io, Side::upstream, false, "x"}));
}

TEST_CASE("after a failure nothing is written for a while, then one attempt finds out") {
  ManualClock clock;
  DiskHealth health(clock);
  CHECK(health.may_write());
  CHECK_FALSE(health.degraded());
  CHECK(health.failed());
  CHECK(health.degraded());
  CHECK_FALSE(health.may_write());
  clock.advance(DiskHealth::kRetryAfter);
  CHECK(health.may_write());
  CHECK_FALSE(health.may_write());  // the one attempt is under way
  clock.advance(DiskHealth::kRetryAfter);
  CHECK(health.may_write());  // and if it never said how it went, another may
  health.wrote();
  CHECK_FALSE(health.degraded());
  CHECK(health.may_write());
  CHECK(health.may_write());
}

TEST_CASE("a failure is said once a minute, also when it heals and comes back in between") {
  ManualClock clock;
  DiskHealth health(clock);
  CHECK(health.failed());
  CHECK_FALSE(health.failed());
  clock.advance(DiskHealth::kSayAgain - Seconds(1));
  CHECK_FALSE(health.failed());
  clock.advance(Seconds(1));
  CHECK(health.failed());
  health.wrote();
  CHECK_FALSE(health.failed());
  CHECK(health.degraded());
  health.wrote();
  clock.advance(DiskHealth::kSayAgain);
  CHECK(health.failed());
}
