#include "cache/budget.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {


Store& with(Store& store, Share capacity, Share reserve, FileSystem::Space space = {1000 * kMiB, 900 * kMiB}) {
  store.options.capacity = capacity;
  store.options.reserve = reserve;
  store.disk.set_space(space);
  store.reopen();
  return store;
}

}  // namespace

TEST_CASE("a capacity is bytes, or a share of the file system") {
  Store store;
  CHECK(with(store, {.bytes = 5 * kMiB}, {}).blobs->budget().capacity() == 5 * kMiB);
  CHECK(with(store, {.percent = 30}, {.percent = 2}).blobs->budget().capacity() == 300 * kMiB);
  CHECK(store.blobs->budget().reserve() == 20 * kMiB);
}

TEST_CASE("what is held counts until it is given back") {
  Store store;
  auto& budget = with(store, {.bytes = 10 * kMiB}, {}).blobs->budget();
  const auto empty = budget.taken();
  {
    Reservation reservation(budget);
    CHECK(reservation.grow_to(4 * kMiB));
    CHECK(reservation.grow_to(3 * kMiB));  // it holds more already
    CHECK(reservation.bytes() == 4 * kMiB);
    CHECK(budget.taken() == empty + 4 * kMiB);
    CHECK_FALSE(reservation.grow_to(11 * kMiB));
    CHECK(reservation.bytes() == 4 * kMiB);
    reservation.shrink_to(kMiB);
    CHECK(budget.taken() == empty + kMiB);
  }
  CHECK(budget.taken() == empty);
}

TEST_CASE("blobs count as the disk stores them, in whole blocks") {
  Store store;
  auto& budget = with(store, {.bytes = 10 * kMiB}, {}).blobs->budget();
  const auto index = [&] { return store.index().file_bytes(); };
  const auto before = budget.taken() - index();
  store.put("x");
  store.put(std::string(4097, 'y'));
  CHECK(budget.taken() - index() == before + 4096 + 8192);
  CHECK(store.index().totals().room == 4096 + 8192);
  CHECK(store.index().totals().blob_bytes == 4098);
}

TEST_CASE("what must go is the more of two: for the capacity, and for the reserve") {
  Store store;
  // 50 MiB are free, 30 of them stay so: 20 fit, whatever the capacity.
  auto& budget = with(store, {.bytes = 500 * kMiB}, {.bytes = 30 * kMiB}, {1000 * kMiB, 50 * kMiB}).blobs->budget();
  CHECK(budget.shortage(20 * kMiB).bytes == 0);
  CHECK(budget.shortage(25 * kMiB).bytes == 5 * kMiB);
  CHECK(budget.shortage(25 * kMiB).others);
  // And the capacity is the nearer bound.
  auto& tight = with(store, {.bytes = 10 * kMiB}, {.bytes = 30 * kMiB}, {1000 * kMiB, 50 * kMiB}).blobs->budget();
  const auto shortage = tight.shortage(25 * kMiB);
  CHECK(shortage.bytes == 15 * kMiB + tight.taken());
  CHECK_FALSE(shortage.others);
  CHECK_FALSE(tight.could_hold(11 * kMiB));
}

TEST_CASE("a size that no disk has does not run over") {
  Store store;
  auto& budget = with(store, {.bytes = 10 * kMiB}, {.bytes = kMiB}).blobs->budget();
  for (const auto bytes : {UINT64_MAX, UINT64_MAX - 4095, UINT64_MAX / 2}) {
    CHECK(budget.shortage(bytes).bytes > 0);
    CHECK_FALSE(budget.could_hold(bytes));
    CHECK_FALSE(budget.take(bytes));
  }
  CHECK(room_of(UINT64_MAX) == UINT64_MAX);
  CHECK(room_of(0) == 4096);
  CHECK(room_of(4096) == 4096);
}

TEST_CASE("nothing must go ahead of need until half of the headroom is gone") {
  Store store;
  auto& budget = with(store, {.bytes = 400 * kMiB}, {}).blobs->budget();  // 20 MiB of headroom
  const auto base = budget.taken();
  Reservation reservation(budget);
  REQUIRE(reservation.grow_to(389 * kMiB - base));
  CHECK(budget.ahead() == 0);
  REQUIRE(reservation.grow_to(392 * kMiB - base));
  CHECK(budget.ahead() == 12 * kMiB);
}
