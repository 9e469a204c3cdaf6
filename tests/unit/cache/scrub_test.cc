#include "cache/scrub.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

struct Scrubbed : Store {
  Log log{clock, {.level = LogLevel::error}};

  std::string path(const Digest& digest) { return scratch.file(file_of(digest)); }
  void flip(const Digest& digest) {
    auto bytes = read_file(path(digest));
    bytes[bytes.size() / 2] ^= 1;
    write_file(path(digest), bytes);
  }
  std::string quarantined(const Digest& digest) { return scratch.path() + Layout("").quarantined(digest); }
};

}  // namespace

TEST_CASE("a whole pass hashes everything, and finds nothing where nothing is wrong") {
  Scrubbed store;
  for (int i = 0; i < 150; ++i) store.put("blob " + std::to_string(i));
  Scrub scrub(*store.blobs, store.log);
  const auto state = scrub.run_whole_pass();
  CHECK(state.looked == 150);
  CHECK(state.hashed == 150);
  CHECK(state.rotten + state.unreadable == 0);
  CHECK_FALSE(state.running);
  CHECK(state.ended == store.clock.wall_seconds());
  CHECK(store.blobs->quarantined() == 0);
}

TEST_CASE("a flipped bit and a file that was cut go to quarantine, and what stands beside stays") {
  Scrubbed store;
  const auto good = store.put(std::string(600'000, 'g')), flipped = store.put(std::string(600'000, 'f'));
  const auto cut = store.put(std::string(5000, 'c'));
  store.flip(flipped);
  write_file(store.path(cut), "short");
  Scrub scrub(*store.blobs, store.log);
  const auto state = scrub.run_whole_pass();
  CHECK(state.rotten == 2);
  CHECK(store.index().blob(good));
  for (const auto& digest : {flipped, cut}) {
    CHECK_FALSE(store.index().blob(digest));
    CHECK_FALSE(exists(store.path(digest)));
    CHECK(exists(store.quarantined(digest)));
  }
  CHECK(store.blobs->quarantined() == 2);
  CHECK(store.blobs->leftovers().quarantined() == 2);
  CHECK(store.index().totals().blobs == 1);
  // It comes anew like anything else, and the next start knows what lies aside.
  store.put(std::string(600'000, 'f'));
  CHECK(store.read(flipped) == std::string(600'000, 'f'));
  store.reopen();
  CHECK(store.blobs->leftovers().quarantined() == 2);
}

TEST_CASE("what cannot be read is put aside, what was evicted meanwhile is not missed") {
  Scrubbed store;
  const auto broken = store.put(std::string(1000, 'b')), gone = store.put("gone");
  store.disk.watch([&](const std::string& line) {
    if (line == "read-open " + store.file_of(gone)) std::filesystem::remove(store.path(gone));
  });
  store.disk.fail("read " + store.file_of(broken), EIO);
  Scrub scrub(*store.blobs, store.log);
  const auto state = scrub.run_whole_pass();
  store.disk.fail("", 0);
  store.disk.watch(nullptr);
  CHECK(state.unreadable == 1);
  CHECK(state.rotten == 0);
  CHECK(exists(store.quarantined(broken)));
  CHECK(comes_true([&] { return !store.index().blob(gone); }));
}

TEST_CASE("what cannot be opened, and a disk that cannot be read at all, cost no blob") {
  for (const bool opening : {true, false}) {
    CAPTURE(opening);
    Scrubbed store;
    for (int i = 0; i < 20; ++i) store.put("blob " + std::to_string(i));
    store.disk.fail(opening ? "read-open blobs/" : "read blobs/", opening ? EMFILE : EIO);
    Scrub scrub(*store.blobs, store.log);
    scrub.start();
    scrub.begin_now();
    const auto looked = [&] { return scrub.state().looked + scrub.state().unreadable; };
    CHECK(comes_true([&] { return opening || looked() >= 3; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    store.disk.fail("", 0);
    CHECK(store.index().totals().blobs >= 17);
    if (opening) CHECK(store.index().totals().blobs == 20);
  }
}

TEST_CASE("by itself a pass passes over what was hashed lately, and takes its time for the rest") {
  Scrubbed store;
  store.options.scrub_rate = 1 << 20;
  store.reopen();
  const auto old = store.put(std::string(300'000, 'o'));
  store.clock.advance(Seconds(Scrub::kYoung));
  store.put(std::string(300'000, 'y'));
  // A pass that an earlier program began, so that it goes on at once.
  const auto begun = [] {
    std::string value;
    for (const std::uint64_t number : {1, 0, 0, 0, 0, 0, 0, 0, 0}) records::put_number(value, number);
    return value;
  };
  REQUIRE(store.commit([&](IndexWriter& writer) { return writer.put_meta("scrub", begun()); }).ok());
  Scrub scrub(*store.blobs, store.log);
  const auto start = std::chrono::steady_clock::now();
  scrub.start();
  REQUIRE(comes_true([&] { return scrub.state().ended > 0; }));
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(280));
  CHECK(scrub.state().looked == 2);
  CHECK(scrub.state().hashed == 1);
  CHECK(scrub.bytes_read() == 300'000);
  REQUIRE(store.commit([](IndexWriter&) { return ok_status(); }).ok());
  CHECK(store.index().blob(old)->verified_at == store.clock.wall_seconds());
}

TEST_CASE("a pass goes on where an earlier program left it, and one that is asked for begins anew") {
  Scrubbed store;
  std::vector<Digest> digests;
  for (int i = 0; i < 10; ++i) digests.push_back(store.put("blob " + std::to_string(i)));
  std::sort(digests.begin(), digests.end());
  std::string value;
  for (const std::uint64_t number : {1, 1, 6, 6, 36, 0, 0, 5, 0}) records::put_number(value, number);
  value += records::digest_key(digests[5]);
  REQUIRE(store.commit([&](IndexWriter& writer) { return writer.put_meta("scrub", value); }).ok());
  {
    Scrub scrub(*store.blobs, store.log);
    CHECK(scrub.state().running);
    scrub.start();
    REQUIRE(comes_true([&] { return scrub.state().ended > 0; }));
    CHECK(scrub.state().looked == 10);
    CHECK(scrub.bytes_read() == 4 * 6);
    CHECK(scrub.state().began == 5);
    scrub.begin_now();
    REQUIRE(comes_true([&] { return !scrub.state().running; }));
    CHECK(scrub.state().looked == 10);
    CHECK(scrub.bytes_read() == 14 * 6);
  }
  Scrub next(*store.blobs, store.log);
  CHECK(next.state().ended > 0);
}

TEST_CASE("a store's end is not held up by a slow pass") {
  Scrubbed store;
  store.options.scrub_rate = 1;
  store.reopen();
  store.put(std::string(2 << 20, 's'));
  store.clock.advance(Seconds(Scrub::kYoung));
  std::string value;
  for (const std::uint64_t number : {1, 0, 0, 0, 0, 0, 0, 0, 0}) records::put_number(value, number);
  REQUIRE(store.commit([&](IndexWriter& writer) { return writer.put_meta("scrub", value); }).ok());
  const auto start = std::chrono::steady_clock::now();
  {
    Scrub scrub(*store.blobs, store.log);
    scrub.start();
    REQUIRE(comes_true([&] { return scrub.bytes_read() > 0; }));
  }
  CHECK(std::chrono::steady_clock::now() - start < kPatience);
}
