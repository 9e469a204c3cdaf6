#include "cache/fill_table.h"

#include <atomic>
#include <thread>

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {
const Name kAlpine = name_of("docker.io/library/alpine"), kOther = name_of("quay.io/other");
}

TEST_CASE("the first who asks starts a fill, the others join it through whichever repository") {
  Store store;
  FillTable table(*store.blobs);
  const auto first = table.start_or_join(some_digest(), kAlpine);
  REQUIRE(first.fill);
  CHECK(first.started);
  CHECK(first.fill->digest() == some_digest());
  CHECK(first.fill->repository() == kAlpine);
  const auto second = table.start_or_join(some_digest(), kOther);
  CHECK(second.fill == first.fill);
  CHECK_FALSE(second.started);
  CHECK(second.fill->repository() == kAlpine);
  CHECK(table.size() == 1);
  CHECK(table.find(some_digest()) == first.fill);
}

TEST_CASE("another digest is another fill") {
  Store store;
  FillTable table(*store.blobs);
  const auto one = table.start_or_join(some_digest(1), kAlpine), other = table.start_or_join(some_digest(2), kAlpine);
  CHECK(one.fill != other.fill);
  CHECK(other.started);
  CHECK(table.size() == 2);
  CHECK_FALSE(table.find(some_digest(3)));
}

TEST_CASE("what is whole by now is not filled again") {
  Store store;
  FillTable table(*store.blobs);
  const auto digest = store.put("bytes");
  const auto entry = table.start_or_join(digest, kAlpine);
  CHECK_FALSE(entry.fill);
  CHECK_FALSE(entry.started);
  CHECK(table.size() == 0);
}

TEST_CASE("after a fill has ended in failure a new one may start") {
  Store store;
  FillTable table(*store.blobs);
  const auto first = table.start_or_join(some_digest(), kAlpine);
  table.finish(first.fill);
  CHECK_FALSE(table.find(some_digest()));
  const auto second = table.start_or_join(some_digest(), kAlpine);
  CHECK(second.started);
  CHECK(second.fill != first.fill);
}

TEST_CASE("finishing an old fill does not end the new one of its digest") {
  Store store;
  FillTable table(*store.blobs);
  const auto first = table.start_or_join(some_digest(), kAlpine);
  table.finish(first.fill);
  const auto second = table.start_or_join(some_digest(), kAlpine);
  table.finish(first.fill);
  CHECK(table.find(some_digest()) == second.fill);
  table.finish(second.fill);
  table.finish(second.fill);
  CHECK(table.size() == 0);
}

TEST_CASE("of many threads that ask at once exactly one starts") {
  Store store;
  FillTable table(*store.blobs);
  for (unsigned round = 0; round < 50; ++round) {
    std::atomic<int> started{0}, ready{0};
    std::shared_ptr<Fill> seen[4];
    {
      std::vector<std::jthread> threads;
      for (std::size_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
          ++ready;
          while (ready < 4) std::this_thread::yield();
          const auto entry = table.start_or_join(some_digest(round), kAlpine);
          started += entry.started;
          seen[t] = entry.fill;
        });
      }
    }
    CHECK(started == 1);
    for (const auto& fill : seen) CHECK(fill == seen[0]);
  }
}

TEST_CASE("a blob that is forgotten while it is hashed again is filled anew, beside that") {
  Store store;
  FillTable table(*store.blobs);
  const auto digest = store.put("bytes");
  const auto stored = store.blobs->open_blob(digest, *store.index().blob(digest));
  REQUIRE(stored.ok());
  const auto old = table.recheck(digest, kAlpine, *stored);
  REQUIRE(old.started);
  CHECK_FALSE(table.start_or_join(digest, kAlpine).fill);  // it is there
  REQUIRE(store.commit([&](IndexWriter& writer) { return writer.remove_blob(digest); }).ok());
  const auto fresh = table.start_or_join(digest, kAlpine);
  REQUIRE(fresh.started);
  CHECK_FALSE(fresh.fill->stored());
  CHECK(table.start_or_join(digest, kOther).fill == fresh.fill);
  // Who had looked before joins what comes, which has no byte yet.
  const auto late = table.recheck(digest, kAlpine, *stored);
  CHECK_FALSE(late.started);
  CHECK_FALSE(late.fill->opened());
  table.finish(old.fill);
  CHECK(table.find(digest) == fresh.fill);
}
