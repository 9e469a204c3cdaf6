#include "meter/ledger.h"

#include <thread>

#include "tests/unit/base/scratch.h"
#include "tests/unit/meter/usage_tools.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

void add(Ledger& ledger, HourNumber hour, const UsageKey& key, Usage usage) {
  Ledger::Fold fold(ledger);
  REQUIRE(fold.add(hour, key, usage).ok());
  REQUIRE(fold.commit().ok());
}

const HourNumber kMarch = *parse_moment("2026-03-01");

}  // namespace

TEST_CASE("what is added is there by hour, by day and by month") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path());
  add(*ledger, kMarch + 1, usage_key("a"), {1, 100});
  add(*ledger, kMarch + 1, usage_key("a"), {2, 50});
  add(*ledger, kMarch + 30, usage_key("a"), {1, 7});
  add(*ledger, kMarch + 24 * 40, usage_key("b"), {5, 0});
  const auto h = [](HourNumber hour) { return "h" + std::to_string(kMarch + hour); };
  CHECK(rows_of(*ledger) == h(1) + " a up/app sent 3/150\n" + h(30) + " a up/app sent 1/7\n" + h(960) + " b up/app sent 5/0\n");
  const auto d = [](unsigned day) { return "d" + std::to_string(kMarch / 24 + day); };
  CHECK(rows_of(*ledger, 0, kNoEnd, Grain::day) ==
        d(0) + " a up/app sent 3/150\n" + d(1) + " a up/app sent 1/7\n" + d(40) + " b up/app sent 5/0\n");
  const auto month = month_of(kMarch / 24);
  CHECK(rows_of(*ledger, 0, kNoEnd, Grain::month) ==
        "m" + std::to_string(month) + " a up/app sent 4/157\n" + "m" + std::to_string(month + 1) + " b up/app sent 5/0\n");
}

TEST_CASE("a part of a month is told by days, and a part of a day by hours") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path());
  for (HourNumber hour = 0; hour < 24 * 62; ++hour) add(*ledger, kMarch + hour, usage_key("a"), {1, hour});
  std::map<char, unsigned> grains;
  Usage sum;
  const Ledger::Snapshot snapshot(*ledger);
  // From the 30th of March at 22:00 to the 2nd of May at 03:00: 2 hours, 1 day, April, 1 day and 3 hours; there is nothing after 1 May.
  snapshot.rows(kMarch + 29 * 24 + 22, kMarch + 62 * 24 + 3, Grain::month, [&](Period period, SeriesNumber, const Usage& usage) {
    ++grains["hdm"[static_cast<int>(period.grain)]];
    sum += usage;
  });
  CHECK(grains == std::map<char, unsigned>{{'h', 2}, {'d', 2}, {'m', 1}});
  CHECK(sum.requests == 62 * 24 - (29 * 24 + 22));
  CHECK(snapshot.begin() == kMarch);
}

TEST_CASE("nothing is left of a transaction that was not committed") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path());
  {
    Ledger::Fold fold(*ledger);
    REQUIRE(fold.add(kMarch, usage_key("a"), {1, 1}).ok());
    REQUIRE(fold.begin_epoch().ok());
  }
  CHECK(rows_of(*ledger) == "");
  add(*ledger, kMarch, usage_key("b"), {1, 1});
  // The number that the lost one would have had is another's.
  add(*ledger, kMarch, usage_key("a"), {2, 2});
  CHECK(sums_by_identity(*ledger).at("a") == Usage{2, 2});
  CHECK(sums_by_identity(*ledger).at("b") == Usage{1, 1});
  CHECK(Ledger::Snapshot(*ledger).epochs().empty());
}

TEST_CASE("what is counted as other leaves no name behind, however many there are") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path(), 3);
  for (int hour = 0; hour < 2; ++hour) {
    for (int i = 0; i < 500; ++i) add(*ledger, kMarch + hour, usage_key("n" + std::to_string(hour * 500 + i)), {1, 10});
  }
  const Ledger::Snapshot snapshot(*ledger);
  CHECK(snapshot.series().size() == 7);  // three of each hour, and other
  CHECK(snapshot.other(kMarch, kNoEnd) == Usage{2 * 497, 2 * 4970});
}

TEST_CASE("an hour has so many series and no more: the tail is counted as other, of the same upstream and outcome") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path(), 3);
  for (int i = 0; i < 10; ++i) add(*ledger, kMarch, usage_key("node" + std::to_string(i)), {1, 10});
  add(*ledger, kMarch, usage_key("node0"), {1, 10});
  add(*ledger, kMarch, usage_key("node7", "up/x", Outcome::miss, Direction::received), {1, 1000});
  add(*ledger, kMarch + 1, usage_key("node9"), {1, 10});
  const auto sums = sums_by_identity(*ledger);
  CHECK(sums.at("node0") == Usage{2, 20});
  CHECK(sums.at("other") == Usage{8, 1070});
  CHECK(sums.at("node9") == Usage{1, 10});
  CHECK(sums.size() == 5);
  CHECK(ledger->other_requests() == 8);
  const Ledger::Snapshot snapshot(*ledger);
  CHECK(snapshot.other(kMarch, kMarch + 1) == Usage{8, 1070});
  CHECK(snapshot.other(kMarch + 1, kNoEnd).none());
  for (const auto& series : snapshot.series()) {
    if (series.identity == kOther) CHECK(series.upstream == "up");
  }
}

TEST_CASE("what is trimmed stays known by the coarser grains, and a report counts it once") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path());
  for (HourNumber hour = 0; hour < 24 * 90; hour += 6) add(*ledger, kMarch + hour, usage_key("a"), {1, 10});
  const auto all = sums_by_identity(*ledger).at("a");
  // In several bounded transactions, each of which leaves a ledger that adds up.
  std::size_t removed = 0, turns = 0;
  for (;; ++turns) {
    Ledger::Fold fold(*ledger);
    const auto some = fold.trim(kMarch + 24 * 70 + 5, kMarch / 24 + 50, 37);
    REQUIRE(some.ok());
    REQUIRE(*some <= 37);
    if (*some == 0) break;
    removed += *some;
    REQUIRE(fold.commit().ok());
    Usage sum;
    Ledger::Snapshot(*ledger).rows(0, kNoEnd, Grain::hour, [&](Period, SeriesNumber, const Usage& usage) { sum += usage; });
    CHECK(sum == all);
  }
  CHECK(turns > 5);
  CHECK(removed == 2 * 70 * 4 + 31);  // hours with their crowds, and the days of March
  std::map<char, unsigned> grains;
  Ledger::Snapshot(*ledger).rows(0, kNoEnd, Grain::hour, [&](Period period, SeriesNumber, const Usage&) {
    ++grains["hdm"[static_cast<int>(period.grain)]];
  });
  CHECK(grains == std::map<char, unsigned>{{'m', 1}, {'d', 39}, {'h', 80}});
  // What comes late for an hour that is no more is counted all the same.
  add(*ledger, kMarch, usage_key("late"), {1, 1});
  CHECK(sums_by_identity(*ledger).at("late") == Usage{1, 1});
  CHECK(rows_of(*ledger).find("late") != std::string::npos);
}

TEST_CASE("an epoch is live until it ends, and its cells are forgotten with it") {
  const Scratch scratch;
  std::uint64_t epoch = 0;
  {
    const auto ledger = open_ledger(scratch.path());
    Ledger::Fold fold(*ledger);
    epoch = *fold.begin_epoch();
    REQUIRE(fold.note_folded(epoch, 3, {1, 2}).ok());
    REQUIRE(fold.note_folded(epoch + 1, 3, {9, 9}).ok());
    REQUIRE(fold.commit().ok());
  }
  const auto ledger = open_ledger(scratch.path());
  {
    const Ledger::Snapshot snapshot(*ledger);
    CHECK(snapshot.live(epoch));
    CHECK(snapshot.folded(epoch) == std::map<std::uint32_t, Usage>{{3, {1, 2}}});
  }
  Ledger::Fold fold(*ledger);
  CHECK(*fold.begin_epoch() == epoch + 1);
  REQUIRE(fold.end_epoch(epoch).ok());
  REQUIRE(fold.commit().ok());
  const Ledger::Snapshot snapshot(*ledger);
  CHECK(snapshot.epochs() == std::vector<std::uint64_t>{epoch + 1});
  CHECK(snapshot.folded(epoch).empty());
}

TEST_CASE("who reads beside the writer sees one moment") {
  const Scratch scratch;
  const auto ledger = open_ledger(scratch.path());
  add(*ledger, kMarch, usage_key("a"), {1, 1});
  const auto reader = open_ledger(scratch.path(), 10, true);
  const Ledger::Snapshot before(*reader);
  std::thread([&] { add(*ledger, kMarch, usage_key("a"), {1, 1}); }).join();
  Usage sum;
  before.rows(0, kNoEnd, Grain::hour, [&](Period, SeriesNumber, const Usage& usage) { sum += usage; });
  CHECK(sum == Usage{1, 1});
}

TEST_CASE("there is no ledger to read where none was made") {
  const Scratch scratch;
  const auto ledger = Ledger::open({.directory = scratch.path(), .read_only = true});
  REQUIRE_FALSE(ledger.ok());
  CHECK(ledger.error().failure == Failure::not_found);
}

TEST_CASE("a key is the same after it was bytes, and what is no key is none") {
  std::string bytes;
  const UsageKey key{"node/a", "ml", "docker.io/library/alpine", "docker.io", Outcome::stale, Direction::received};
  encode_series(key, bytes);
  UsageKey again;
  REQUIRE(decode_series(bytes, again));
  CHECK(again == key);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_series(std::string_view(bytes).substr(0, size), again));
  CHECK_FALSE(decode_series(bytes + "x", again));
  bytes[0] = 99;
  CHECK_FALSE(decode_series(bytes, again));
  encode_series({std::string(1000, 'i'), std::string(1000, 't'), std::string(1000, 'r'), std::string(1000, 'u')}, bytes);
  CHECK(bytes.size() <= kMostSeriesBytes);
  CHECK(decode_series(bytes, again));
  CHECK(again.identity.size() == kMostIdentityBytes);
}
