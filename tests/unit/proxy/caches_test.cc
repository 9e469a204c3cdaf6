// What is remembered for a short while: "not there", and lists.

#include "proxy/listing_cache.h"
#include "proxy/negative_cache.h"
#include "proxy/request_counters.h"
#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const Name kAlpine = name_of("docker.io/library/alpine"), kAnother = name_of("quay.io/other");

std::shared_ptr<const Listing> listing(std::string body) {
  Listing made;
  made.body.bytes = std::move(body);
  return std::make_shared<const Listing>(std::move(made));
}

}  // namespace

TEST_CASE("'not there' is believed for as long as was said, of that repository alone") {
  ManualClock clock;
  NegativeCache cache(clock);
  CHECK_FALSE(cache.contains(kAlpine, "3"));
  cache.insert(kAlpine, "3", Seconds(30));
  CHECK(cache.contains(kAlpine, "3"));
  CHECK_FALSE(cache.contains(kAlpine, "30"));
  CHECK_FALSE(cache.contains(kAnother, "3"));
  clock.advance(Milliseconds(29'999));
  CHECK(cache.contains(kAlpine, "3"));
  clock.advance(Milliseconds(1));
  CHECK_FALSE(cache.contains(kAlpine, "3"));
}

TEST_CASE("'not there' can be taken back, one by one and all at once") {
  const ManualClock clock;
  NegativeCache cache(clock);
  cache.insert(kAlpine, "1", Seconds(30));
  cache.insert(kAlpine, "2", Seconds(30));
  cache.erase(kAlpine, "1");
  cache.erase(kAlpine, "never");
  CHECK_FALSE(cache.contains(kAlpine, "1"));
  CHECK(cache.contains(kAlpine, "2"));
  cache.clear();
  CHECK_FALSE(cache.contains(kAlpine, "2"));
}

TEST_CASE("'not there' said again counts from the later time, and for no time is not believed") {
  ManualClock clock;
  NegativeCache cache(clock);
  cache.insert(kAlpine, "1", Seconds(10));
  clock.advance(Seconds(9));
  cache.insert(kAlpine, "1", Seconds(10));
  clock.advance(Seconds(9));
  CHECK(cache.contains(kAlpine, "1"));
  cache.insert(kAlpine, "2", Milliseconds(0));
  cache.insert(kAlpine, "3", Milliseconds(-5));
  CHECK_FALSE(cache.contains(kAlpine, "2"));
  CHECK_FALSE(cache.contains(kAlpine, "3"));
}

TEST_CASE("more than a hundred thousand are never kept: what is over goes first, and if nothing is, all of it") {
  ManualClock clock;
  NegativeCache cache(clock);
  cache.insert(kAnother, "long", Seconds(100));
  for (int i = 1; i < 100'000; ++i) cache.insert(kAlpine, std::to_string(i), Seconds(1));
  clock.advance(Seconds(2));
  cache.insert(kAlpine, "one more", Seconds(1));
  CHECK(cache.contains(kAnother, "long"));
  for (int i = 2; i < 100'000; ++i) cache.insert(kAlpine, std::to_string(i), Seconds(1));
  CHECK(cache.contains(kAnother, "long"));
  cache.insert(kAlpine, "one too many", Seconds(1));
  CHECK(cache.contains(kAlpine, "one too many"));
  CHECK_FALSE(cache.contains(kAnother, "long"));
}

TEST_CASE("a list is kept for as long as was said, unless it is large") {
  ManualClock clock;
  ListingCache cache(clock);
  CHECK_FALSE(cache.find("k"));
  cache.insert("k", listing("tags"), Seconds(5));
  cache.insert("none", listing("tags"), Seconds(0));
  cache.insert("most", listing(std::string(256 << 10, 'x')), Seconds(5));
  cache.insert("large", listing(std::string((256 << 10) + 1, 'x')), Seconds(5));
  REQUIRE(cache.find("k"));
  CHECK(cache.find("k")->body.bytes == "tags");
  CHECK_FALSE(cache.find("none"));
  CHECK(cache.find("most"));
  CHECK_FALSE(cache.find("large"));
  // While somebody reads it, others read the same one.
  const auto read = listing(std::string(8 << 20, 'x'));
  cache.insert("read", read, Seconds(5));
  CHECK(cache.find("read") == read);
  cache.insert("k", listing("more tags"), Seconds(5));
  CHECK(cache.find("k")->body.bytes == "more tags");
  const auto held = cache.find("k");
  clock.advance(Seconds(5));
  CHECK_FALSE(cache.find("k"));
  CHECK(held->body.bytes == "more tags");
  cache.clear();
}

TEST_CASE("32 MiB of lists are the most that are kept") {
  const ManualClock clock;
  ListingCache cache(clock);
  MemoryBudget budget(1 << 30);
  for (int i = 0; i < 500; ++i) {
    auto share = budget.share();
    REQUIRE(share.grow_to(256 << 10));
    cache.insert(std::to_string(i),
                 std::make_shared<const Listing>(Listing{"", {std::string(256 << 10, 'x'), std::move(share)}, "", false}),
                 Seconds(5));
    CHECK(cache.find(std::to_string(i)));
    CHECK(budget.used() <= 32 << 20);
  }
  CHECK(budget.used() > 0);
  cache.clear();
  CHECK(budget.used() == 0);
}

TEST_CASE("a thousand lists are the most that are kept, and the newest is among them") {
  const ManualClock clock;
  ListingCache cache(clock);
  for (int i = 0; i < 5000; ++i) {
    cache.insert(std::to_string(i), listing("x"), Seconds(5));
    CHECK(cache.find(std::to_string(i)));
  }
  int kept = 0;
  for (int i = 0; i < 5000; ++i) kept += cache.find(std::to_string(i)) != nullptr;
  CHECK(kept <= 1000);
  cache.clear();
  CHECK_FALSE(cache.find("4999"));
}

TEST_CASE("what a request counts is counted under its outcome, its route and its status") {
  Meter meter(1);
  RequestCounters counters(meter.counters(0));
  Route blob, base;
  blob.kind = Route::Kind::blob;
  for (int i = 0; i < 3; ++i) counters.requests(Outcome::hit, blob, 200).add(1);
  counters.requests(Outcome::hit, blob, 206).add(1);
  counters.requests(Outcome::miss, blob, 200).add(1);
  counters.requests(Outcome::bypass, base, 200).add(1);
  counters.sent_bytes(Outcome::hit).add(10);
  counters.sent_bytes(Outcome::hit).add(5);
  counters.sent_bytes(Outcome::stale).add(1);
  CHECK(meter.total(Metric::requests, "hit,blob,200") == 3);
  CHECK(meter.total(Metric::requests, "hit,blob,206") == 1);
  CHECK(meter.total(Metric::requests, "miss,blob,200") == 1);
  CHECK(meter.total(Metric::requests, "bypass,base,200") == 1);
  CHECK(meter.total(Metric::sent_bytes, "hit") == 15);
  CHECK(meter.total(Metric::sent_bytes, "stale") == 1);
  CHECK(&counters.first_byte(Outcome::hit) == &meter.counters(0).histogram(Metric::first_byte, "hit"));
}
