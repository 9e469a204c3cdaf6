// A disk that is full, or breaks, at each step of storing a blob: nothing of it is ever seen, and the next try succeeds.

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const std::vector<std::string> kSteps{"open ", "write ", "sync ", "make_directories ", "rename ", "sync_directory "};
const std::string kLarge(100'000, 'b');

// A fill of kLarge from its start to its adoption; the first failure.
Task<Status> fill_all(Store& store, Fill& fill) {
  Loop& loop = store.thread.loop();
  auto held = co_await fill.open(loop);
  if (!held) co_return held.error();
  fill.head(kLarge.size());
  auto written = co_await fill.append(loop, kLarge.substr(*held));
  if (!written) co_return written;
  auto verified = co_await fill.verify(loop);
  if (!verified) co_return verified;
  auto adopted = co_await fill.adopt(loop, nullptr);
  co_return adopted;
}

}  // namespace

TEST_CASE("a put that fails at any step leaves no record, and the next one succeeds") {
  for (const auto& step : kSteps) {
    for (const int error : {ENOSPC, EDQUOT, EIO}) {
      CAPTURE(step);
      Store store;
      const auto digest = sha256_of(kLarge);
      store.disk.fail(step, error);
      const auto failed = store.put(digest, kLarge);
      store.disk.fail("", 0);
      REQUIRE_FALSE(failed.ok());
      CHECK(failed.error().failure == (error == EIO ? Failure::io : Failure::no_space));
      CHECK_FALSE(store.index().blob(digest));
      CHECK(store.index().totals().blobs == 0);
      CHECK(store.put(digest, kLarge).ok());
      CHECK(store.read(digest) == kLarge);
    }
  }
}

TEST_CASE("a put that fails leaves no staging file behind to fill the disk further") {
  for (const auto& step : kSteps) {
    CAPTURE(step);
    Store store;
    store.disk.fail(step, ENOSPC);
    CHECK_FALSE(store.put(sha256_of(kLarge), kLarge).ok());
    store.disk.fail("", 0);
    CHECK(count_files(store.scratch.file("partial")) == 0);
  }
}

TEST_CASE("a put whose commit fails leaves no staging file and no record") {
  Store store;
  const auto digest = sha256_of(kLarge);
  const auto failed = store.put(digest, kLarge,
                                [](IndexWriter&) -> Status { return Error{Failure::no_space, Side::local, false, "full"}; });
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().failure == Failure::no_space);
  CHECK_FALSE(store.index().blob(digest));
  CHECK(count_files(store.scratch.file("partial")) == 0);
  CHECK(store.put(digest, kLarge).ok());
  CHECK(store.read(digest) == kLarge);
}

TEST_CASE("a fill that fails at any step leaves no record, and another one after it succeeds") {
  for (const auto& step : kSteps) {
    CAPTURE(step);
    Store store;
    const auto digest = sha256_of(kLarge);
    const auto name = name_of("docker.io/library/alpine");
    Fill first(*store.blobs, digest, name);
    store.disk.fail(step, ENOSPC);
    const auto failed = store.thread.run([&] { return fill_all(store, first); });
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().failure == Failure::no_space);
    CHECK_FALSE(store.index().blob(digest));
    store.disk.fail("", 0);
    store.thread.run([&] { return first.fail(store.thread.loop(), failed.error()); });

    Fill second(*store.blobs, digest, name);
    CHECK(store.thread.run([&] { return fill_all(store, second); }).ok());
    CHECK(store.read(digest) == kLarge);
    CHECK(count_files(store.scratch.file("partial")) == 0);
  }
}

TEST_CASE("bytes that could not be written are not shown to the readers") {
  Store store;
  const auto digest = sha256_of(kLarge);
  Fill fill(*store.blobs, digest, name_of("docker.io/a"));
  const auto failed = store.thread.run([&]() -> Task<Status> {
    Loop& loop = store.thread.loop();
    auto held = co_await fill.open(loop);
    if (!held) co_return held.error();
    fill.head(kLarge.size());
    auto first = co_await fill.append(loop, kLarge.substr(0, 1000));
    if (!first) co_return first;
    store.disk.fail("write ", ENOSPC);
    auto second = co_await fill.append(loop, kLarge.substr(1000));
    co_return second;
  });
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().failure == Failure::no_space);
  CHECK(fill.progress().written == 1000);
  CHECK(fill.progress().state == Fill::State::growing);
  store.thread.run([&] { return fill.fail(store.thread.loop(), failed.error()); });
}

TEST_CASE("a fill is adopted in the order fsync, rename, fsync of the folder, commit") {
  Store store;
  const auto digest = sha256_of(kLarge);
  Fill fill(*store.blobs, digest, name_of("docker.io/library/alpine"));
  const auto adopted = store.thread.run([&]() -> Task<Status> {
    Loop& loop = store.thread.loop();
    auto held = co_await fill.open(loop);
    if (!held) co_return held.error();
    fill.head(std::nullopt);
    auto written = co_await fill.append(loop, kLarge);
    if (!written) co_return written;
    auto verified = co_await fill.verify(loop);
    if (!verified) co_return verified;
    store.disk.taken();
    auto done = co_await fill.adopt(loop, [&](IndexWriter&) {
      store.disk.note("commit");
      return ok_status();
    });
    co_return done;
  });
  REQUIRE(adopted.ok());
  const auto partial = store.partial_of(digest), folder = "blobs/sha256/" + digest.hex().substr(0, 2);
  CHECK(store.disk.taken() == std::vector<std::string>{"sync " + partial, "make_directories " + folder,
                                                       "rename " + partial + ' ' + store.file_of(digest),
                                                       "sync_directory " + folder, "commit"});
  CHECK(store.read(digest) == kLarge);
}
