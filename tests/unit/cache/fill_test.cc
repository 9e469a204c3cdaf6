#include "cache/fill.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const std::string kFillBytes = [] {
  std::string bytes;
  for (int i = 0; bytes.size() < 200'000; ++i) bytes += std::to_string(i) + ' ';
  bytes.resize(200'000);
  return bytes;
}();
const Name kFilled = name_of("docker.io/library/alpine");
constexpr auto kLastPiece = Fill::kLastPiece;

// One fill, driven step by step from the test's thread.
struct Filling {
  Store& store;
  Fill fill;
  explicit Filling(Store& its_store, Digest digest = sha256_of(kFillBytes))
      : store(its_store), fill(*its_store.blobs, std::move(digest), kFilled) {}
  // A fill that nobody ends may still be hashing.
  ~Filling() {
    if (fill.progress().state < Fill::State::verified) fail(Failure::cancelled);
  }
  Loop& loop() { return store.thread.loop(); }

  std::uint64_t open() {
    const auto held = store.thread.run([this] { return fill.open(loop()); });
    REQUIRE(held.ok());
    return *held;
  }
  void head(std::optional<std::uint64_t> size) {
    store.thread.call([&] { fill.head(size); });
  }
  Status append(std::string bytes) {
    return store.thread.run([this, bytes] { return fill.append(loop(), bytes); });
  }
  Status verify() {
    return store.thread.run([this] { return fill.verify(loop()); });
  }
  Status adopt() {
    return store.thread.run([this] { return fill.adopt(loop(), links(kFilled, fill.digest())); });
  }
  void fail(Failure failure) {
    store.thread.run([this, failure] { return fill.fail(loop(), Error{failure, Side::upstream, true, "why"}); });
  }
  std::uint64_t whole() const { return Fill::available(fill.progress(), true); }
  std::uint64_t ranges() const { return Fill::available(fill.progress(), false); }
  bool partial_there() { return exists(store.scratch.file(store.partial_of(fill.digest()))); }
};

}  // namespace

TEST_CASE("a fill becomes a blob that is linked to its repository") {
  Store store;
  Filling filling(store);
  CHECK(filling.fill.progress().state == Fill::State::opening);
  CHECK(filling.open() == 0);
  filling.head(kFillBytes.size());
  CHECK(filling.fill.progress().state == Fill::State::growing);
  for (std::size_t at = 0; at < kFillBytes.size(); at += 30'000) REQUIRE(filling.append(kFillBytes.substr(at, 30'000)).ok());
  CHECK_FALSE(store.index().blob(filling.fill.digest()));
  REQUIRE(filling.verify().ok());
  REQUIRE(filling.adopt().ok());
  CHECK(store.read(filling.fill.digest()) == kFillBytes);
  CHECK(linked(store.index(), kFilled, filling.fill.digest()));
  CHECK_FALSE(filling.partial_there());
}

TEST_CASE("of a known size the last 64 KiB of a whole response wait for the digest, ranges do not") {
  Store store;
  Filling filling(store);
  filling.open();
  filling.head(kFillBytes.size());
  CHECK(filling.whole() == 0);
  REQUIRE(filling.append(kFillBytes.substr(0, 100'000)).ok());
  CHECK(filling.whole() == 100'000);
  CHECK(filling.ranges() == 100'000);
  REQUIRE(filling.append(kFillBytes.substr(100'000, 50'000)).ok());
  CHECK(filling.whole() == kFillBytes.size() - kLastPiece);
  CHECK(filling.ranges() == 150'000);
  REQUIRE(filling.append(kFillBytes.substr(150'000)).ok());
  CHECK(filling.whole() == kFillBytes.size() - kLastPiece);
  CHECK(filling.ranges() == kFillBytes.size());
  REQUIRE(filling.verify().ok());
  CHECK(filling.fill.progress().state == Fill::State::verified);
  CHECK(filling.whole() == kFillBytes.size());
}

TEST_CASE("of an unknown size the last 64 KiB written always wait") {
  Store store;
  Filling filling(store);
  filling.open();
  filling.head(std::nullopt);
  REQUIRE(filling.append(kFillBytes.substr(0, 1000)).ok());
  CHECK(filling.whole() == 0);
  CHECK(filling.ranges() == 1000);
  REQUIRE(filling.append(kFillBytes.substr(1000)).ok());
  CHECK(filling.whole() == kFillBytes.size() - kLastPiece);
  CHECK_FALSE(filling.fill.progress().size);
  REQUIRE(filling.verify().ok());
  CHECK(filling.whole() == kFillBytes.size());
  CHECK(filling.fill.progress().size == kFillBytes.size());
}

TEST_CASE("nothing of a small blob goes into a whole response before its digest agreed") {
  Store store;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{kLastPiece}}) {
    const auto bytes = kFillBytes.substr(0, size);
    Filling filling(store, sha256_of(bytes));
    filling.open();
    filling.head(size);
    if (size > 0) REQUIRE(filling.append(bytes).ok());
    CHECK(filling.whole() == 0);
    REQUIRE(filling.verify().ok());
    CHECK(filling.whole() == size);
    REQUIRE(filling.adopt().ok());
    CHECK(store.read(filling.fill.digest()) == bytes);
  }
}

TEST_CASE("bytes with another digest are corrupt, handed out no further, and thrown away") {
  Store store;
  for (const bool sized : {true, false}) {
    Filling filling(store);
    filling.open();
    filling.head(sized ? std::optional<std::uint64_t>(kFillBytes.size()) : std::nullopt);
    auto wrong = kFillBytes;
    wrong.back() ^= 1;
    REQUIRE(filling.append(wrong).ok());
    const auto verified = filling.verify();
    REQUIRE_FALSE(verified.ok());
    CHECK(verified.error().failure == Failure::corrupt);
    CHECK(verified.error().side == Side::upstream);
    CHECK(filling.whole() <= kFillBytes.size() - kLastPiece);
    filling.fail(Failure::corrupt);
    CHECK(filling.whole() == 0);
    CHECK(filling.ranges() == 0);
    CHECK(filling.fill.progress().error->failure == Failure::corrupt);
    CHECK_FALSE(filling.partial_there());
    CHECK_FALSE(store.index().blob(filling.fill.digest()));
  }
}

TEST_CASE("more bytes than the size are corrupt, and none of them is shown") {
  Store store;
  Filling filling(store);
  filling.open();
  filling.head(1000);
  REQUIRE(filling.append(kFillBytes.substr(0, 999)).ok());
  const auto appended = filling.append("xy");
  REQUIRE_FALSE(appended.ok());
  CHECK(appended.error().failure == Failure::corrupt);
  CHECK(filling.ranges() == 999);
}

TEST_CASE("fewer bytes than the size are corrupt, though their digest were right") {
  Store store;
  Filling filling(store, sha256_of(kFillBytes.substr(0, 1000)));
  filling.open();
  filling.head(1001);
  REQUIRE(filling.append(kFillBytes.substr(0, 1000)).ok());
  const auto verified = filling.verify();
  REQUIRE_FALSE(verified.ok());
  CHECK(verified.error().failure == Failure::corrupt);
  CHECK(filling.whole() == 0);
}

TEST_CASE("a sha512 digest is verified as such") {
  Store store;
  Filling filling(store, Digest::of(HashAlgorithm::sha512, kFillBytes));
  filling.open();
  filling.head(kFillBytes.size());
  REQUIRE(filling.append(kFillBytes).ok());
  REQUIRE(filling.verify().ok());
  REQUIRE(filling.adopt().ok());
  CHECK(store.read(filling.fill.digest()) == kFillBytes);
}

TEST_CASE("a fill goes on where a broken one stopped, after a restart too") {
  Store store;
  {
    Filling broken(store);
    broken.open();
    broken.head(kFillBytes.size());
    REQUIRE(broken.append(kFillBytes.substr(0, 120'000)).ok());
    broken.fail(Failure::unreachable);
    CHECK(broken.partial_there());
    CHECK(broken.ranges() == 0);
  }
  store.reopen();
  Filling filling(store);
  CHECK(filling.open() == 120'000);
  filling.head(kFillBytes.size());
  CHECK(filling.ranges() == 120'000);  // at once, before a further byte came
  REQUIRE(filling.append(kFillBytes.substr(120'000)).ok());
  REQUIRE(filling.verify().ok());
  REQUIRE(filling.adopt().ok());
  CHECK(store.read(filling.fill.digest()) == kFillBytes);
}

TEST_CASE("a partial file that was whole already needs no further byte") {
  Store store;
  Filling filling(store);
  write_file(store.scratch.file(store.partial_of(filling.fill.digest())), kFillBytes);
  CHECK(filling.open() == kFillBytes.size());
  filling.head(kFillBytes.size());
  CHECK(filling.whole() == kFillBytes.size() - kLastPiece);
  REQUIRE(filling.verify().ok());
  REQUIRE(filling.adopt().ok());
  CHECK(store.read(filling.fill.digest()) == kFillBytes);
}

TEST_CASE("a partial file with wrong bytes is found out by the digest, and the next fill starts from nothing") {
  Store store;
  {
    Filling filling(store);
    write_file(store.scratch.file(store.partial_of(filling.fill.digest())), std::string(1000, 'x'));
    CHECK(filling.open() == 1000);
    filling.head(kFillBytes.size());
    REQUIRE(filling.append(kFillBytes.substr(1000)).ok());
    const auto verified = filling.verify();
    REQUIRE_FALSE(verified.ok());
    CHECK(verified.error().failure == Failure::corrupt);
    filling.fail(verified.error().failure);
  }
  Filling next(store);
  CHECK(next.open() == 0);
}

TEST_CASE("a partial file that is longer than the blob is corrupt") {
  Store store;
  Filling filling(store);
  write_file(store.scratch.file(store.partial_of(filling.fill.digest())), kFillBytes + "x");
  filling.open();
  filling.head(kFillBytes.size());
  CHECK(filling.whole() <= kFillBytes.size() - kLastPiece);
  const auto verified = filling.verify();
  REQUIRE_FALSE(verified.ok());
  CHECK(verified.error().failure == Failure::corrupt);
}

TEST_CASE("an upstream that cannot resume starts the fill anew") {
  Store store;
  Filling filling(store);
  write_file(store.scratch.file(store.partial_of(filling.fill.digest())), std::string(1000, 'x'));
  CHECK(filling.open() == 1000);
  REQUIRE(store.thread.run([&] { return filling.fill.restart(filling.loop()); }).ok());
  CHECK(filling.fill.progress().written == 0);
  filling.head(kFillBytes.size());
  CHECK(filling.ranges() == 0);
  REQUIRE(filling.append(kFillBytes).ok());
  REQUIRE(filling.verify().ok());
  REQUIRE(filling.adopt().ok());
  CHECK(store.read(filling.fill.digest()) == kFillBytes);
}

TEST_CASE("what a failed fill leaves behind depends on why it failed") {
  for (const auto failure : {Failure::unreachable, Failure::timeout, Failure::throttled, Failure::no_space, Failure::corrupt}) {
    for (const bool resume : {true, false}) {
      Store store(resume);
      Filling filling(store);
      filling.open();
      filling.head(kFillBytes.size());
      REQUIRE(filling.append("some").ok());
      filling.fail(failure);
      const bool useful = failure != Failure::corrupt && failure != Failure::no_space;
      CHECK(filling.partial_there() == (resume && useful));
      CHECK(filling.fill.progress().state == Fill::State::failed);
    }
  }
}

TEST_CASE("a fill that failed before its first byte leaves no file") {
  Store store;
  Filling filling(store);
  filling.open();
  filling.fail(Failure::not_found);
  CHECK_FALSE(filling.partial_there());
}

TEST_CASE("what could not be synced is fetched anew: another sync of it would prove nothing") {
  Store store;
  {
    Filling filling(store);
    filling.open();
    filling.head(kFillBytes.size());
    REQUIRE(filling.append(kFillBytes).ok());
    REQUIRE(filling.verify().ok());
    store.disk.fail("sync ", EIO);
    CHECK_FALSE(filling.adopt().ok());
    store.disk.fail("", 0);
    CHECK_FALSE(filling.partial_there());
    CHECK(store.blobs->leftovers().partials() == 0);
  }
  Filling again(store);
  CHECK(again.open() == 0);
}

TEST_CASE("a partial file counts for as long as it is there, whatever cannot be opened") {
  Store store;
  const auto room = [&] { return store.blobs->leftovers().room(); };
  const auto broken = [&] {
    Filling filling(store);
    const auto held = filling.open();
    filling.head(kFillBytes.size());
    REQUIRE(filling.append(kFillBytes.substr(held, 100'000)).ok());
    store.disk.fail("read-open partial", EMFILE);  // as it looks whether the file is there still
    filling.fail(Failure::unreachable);
    store.disk.fail("", 0);
    return held;
  };
  CHECK(broken() == 0);
  CHECK(room() == room_of(100'000));
  {
    Filling filling(store);
    store.disk.fail("open partial", EMFILE);
    CHECK_FALSE(store.thread.run([&] { return filling.fill.open(filling.loop()); }).ok());
    store.disk.fail("", 0);
  }
  CHECK(room() == room_of(100'000));
  CHECK(broken() == 100'000);
  CHECK(room() == room_of(200'000));
}

TEST_CASE("a folder that is gone is the disk's failure, not a blob's absence") {
  Store store;
  std::filesystem::remove_all(store.scratch.file("partial"));
  Filling filling(store);
  const auto held = store.thread.run([&] { return filling.fill.open(filling.loop()); });
  REQUIRE_FALSE(held.ok());
  CHECK(held.error().failure == Failure::io);
}

TEST_CASE("room that the file system does not promise is taken from nobody until it is written") {
  for (const bool promises : {true, false}) {
    CAPTURE(promises);
    Store store;
    if (!promises) store.disk.promise_nothing();
    store.options.capacity = {.bytes = 1000 * kMiB};
    store.options.reserve = {};
    store.reopen();
    store.disk.set_space({1000 * kMiB, 50 * kMiB});  // which does not change, whatever is allocated or written
    Filling filling(store);
    filling.open();
    REQUIRE(store.thread.run([&] { return filling.fill.reserve(filling.loop(), 30 * kMiB); }).ok());
    const auto& budget = store.blobs->budget();
    const auto open_room = 50 * kMiB - (promises ? 0 : 30 * kMiB);
    CHECK(budget.shortage(open_room).bytes == 0);
    CHECK(budget.shortage(open_room + 1).bytes == 1);
  }
}
