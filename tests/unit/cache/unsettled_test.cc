// Files without a record: what an end at any point leaves, and that the next start removes it.

#include "cache/unsettled.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const std::string kUnsettledBytes(10'000, 'u');
const Digest kDoubtful = sha256_of(kUnsettledBytes);

bool file_there(Store& store) { return exists(store.scratch.file(store.file_of(kDoubtful))); }

}  // namespace

TEST_CASE("a blob's name is noted before it is given, and the note goes with its record") {
  Store store;
  std::size_t noted = 0, after = 0;
  store.disk.watch([&](const std::string& line) {
    if (line.starts_with("rename ")) noted = store.index().unsettled().size();
    if (line.starts_with("sync_directory blobs/sha256/")) after = store.index().unsettled().size();
  });
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  CHECK(noted == 1);
  CHECK(after == 1);
  CHECK(store.index().unsettled().empty());
}

TEST_CASE("a name that was given and never committed is gone after the next start") {
  Store store;
  REQUIRE_FALSE(
      store.put(kDoubtful, kUnsettledBytes, [](IndexWriter&) -> Status { return Error{Failure::io, Side::local, false, "no"}; }).ok());
  CHECK(file_there(store));
  CHECK(store.index().unsettled().size() == 1);
  store.reopen();
  CHECK_FALSE(file_there(store));
  CHECK(store.commit([](IndexWriter&) { return ok_status(); }).ok());
  CHECK(store.index().unsettled().empty());
}

TEST_CASE("a removal that could not be done is done later") {
  Store store;
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  store.disk.fail("remove blobs/", EIO);
  CHECK_FALSE(
      store.thread.run([&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), kDoubtful); }).ok());
  store.disk.fail("", 0);
  CHECK_FALSE(store.index().blob(kDoubtful));
  CHECK(file_there(store));
  CHECK(store.index().unsettled().size() == 1);
  CHECK(store.blobs->unsettled().settle().ok());
  CHECK_FALSE(file_there(store));
}

TEST_CASE("a download that fails forgets no note but its own") {
  Store store;
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  store.disk.fail("remove blobs/", EIO);
  CHECK_FALSE(
      store.thread.run([&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), kDoubtful); }).ok());
  store.disk.fail("", 0);
  REQUIRE(store.index().unsettled().size() == 1);
  store.blobs->unsettled().coming(kDoubtful).reset();
  REQUIRE(store.commit([](IndexWriter&) { return ok_status(); }).ok());
  CHECK(store.index().unsettled().size() == 1);
  store.reopen();
  CHECK_FALSE(file_there(store));
}

TEST_CASE("a removal that is late forgets no note but its own") {
  Store store;
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  const auto remove = [](IndexWriter& writer) { return writer.remove_blob(kDoubtful); };
  REQUIRE(store.commit(remove).ok());
  const auto note = store.index().unsettled(kDoubtful);
  REQUIRE(note);
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  REQUIRE(store.commit(remove).ok());
  REQUIRE(store.commit([&](IndexWriter& writer) { return writer.forget_unsettled(kDoubtful, *note); }).ok());
  CHECK(store.index().unsettled().size() == 1);
}

TEST_CASE("the note of a removal goes after the folder was synced") {
  Store store;
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  store.disk.taken();
  REQUIRE(store.thread.run([&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), kDoubtful); }).ok());
  const auto folder = store.file_of(kDoubtful).substr(0, store.file_of(kDoubtful).rfind('/'));
  CHECK(store.disk.taken() == std::vector<std::string>{"remove " + store.file_of(kDoubtful), "sync_directory " + folder});
}

TEST_CASE("a blob that comes back while its old file goes keeps its new file") {
  Store store;
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  REQUIRE(store.commit([](IndexWriter& writer) { return writer.remove_blob(kDoubtful); }).ok());
  // The removal is late: between the record's end and the file's, the blob is stored again.
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  CHECK(store.blobs->unsettled().remove_files(std::span(&kDoubtful, 1)).ok());
  CHECK(store.read(kDoubtful) == kUnsettledBytes);

  // Or it is about to be: it has its name, and no record yet.
  bool removed = false;
  REQUIRE(store.commit([](IndexWriter& writer) { return writer.remove_blob(kDoubtful); }).ok());
  store.disk.watch([&](const std::string& line) {
    if (line.starts_with("sync_directory blobs/") && !std::exchange(removed, true))
      CHECK(store.blobs->unsettled().remove_files(std::span(&kDoubtful, 1)).ok());
  });
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  store.disk.watch(nullptr);
  CHECK(removed);
  CHECK(store.read(kDoubtful) == kUnsettledBytes);
  store.reopen();
  CHECK(store.read(kDoubtful) == kUnsettledBytes);
}

TEST_CASE("a partial file beside its blob, as a power cut may leave it, goes at the start") {
  Store store;
  REQUIRE(store.put(kDoubtful, kUnsettledBytes).ok());
  write_file(store.scratch.file(store.partial_of(kDoubtful)), kUnsettledBytes);
  store.reopen();
  CHECK_FALSE(exists(store.scratch.file(store.partial_of(kDoubtful))));
  CHECK(store.read(kDoubtful) == kUnsettledBytes);
  CHECK(store.blobs->leftovers().partials() == 0);
}
