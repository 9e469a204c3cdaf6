// Files without a record: what an end at any point leaves, and that the next start removes it.

#include "cache/unsettled.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const std::string kBytes(10'000, 'u');
const Digest kDigest = sha256_of(kBytes);

bool file_there(Store& store) { return exists(store.scratch.file(store.file_of(kDigest))); }

}  // namespace

TEST_CASE("a blob's name is noted before it is given, and the note goes with its record") {
  Store store;
  std::size_t noted = 0, after = 0;
  store.disk.watch([&](const std::string& line) {
    if (line.starts_with("rename ")) noted = store.index().unsettled().size();
    if (line.starts_with("sync_directory blobs/sha256/")) after = store.index().unsettled().size();
  });
  REQUIRE(store.put(kDigest, kBytes).ok());
  CHECK(noted == 1);
  CHECK(after == 1);
  CHECK(store.index().unsettled().empty());
}

TEST_CASE("a name that was given and never committed is gone after the next start") {
  Store store;
  REQUIRE_FALSE(
      store.put(kDigest, kBytes, [](IndexWriter&) -> Status { return Error{Failure::io, Side::local, false, "no"}; }).ok());
  CHECK(file_there(store));
  CHECK(store.index().unsettled().size() == 1);
  store.reopen();
  CHECK_FALSE(file_there(store));
  CHECK(store.commit([](IndexWriter&) { return ok_status(); }).ok());
  CHECK(store.index().unsettled().empty());
}

TEST_CASE("a removal that could not be done is done later") {
  Store store;
  REQUIRE(store.put(kDigest, kBytes).ok());
  store.disk.fail("remove blobs/", EIO);
  CHECK_FALSE(
      store.thread.run([&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), kDigest); }).ok());
  store.disk.fail("", 0);
  CHECK_FALSE(store.index().blob(kDigest));
  CHECK(file_there(store));
  CHECK(store.index().unsettled().size() == 1);
  CHECK(store.blobs->unsettled().settle().ok());
  CHECK_FALSE(file_there(store));
}

TEST_CASE("a download that fails forgets no note but its own") {
  Store store;
  REQUIRE(store.put(kDigest, kBytes).ok());
  store.disk.fail("remove blobs/", EIO);
  CHECK_FALSE(
      store.thread.run([&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), kDigest); }).ok());
  store.disk.fail("", 0);
  REQUIRE(store.index().unsettled().size() == 1);
  store.blobs->unsettled().coming(kDigest).reset();
  REQUIRE(store.commit([](IndexWriter&) { return ok_status(); }).ok());
  CHECK(store.index().unsettled().size() == 1);
  store.reopen();
  CHECK_FALSE(file_there(store));
}

TEST_CASE("a removal that is late forgets no note but its own") {
  Store store;
  REQUIRE(store.put(kDigest, kBytes).ok());
  const auto remove = [](IndexWriter& writer) { return writer.remove_blob(kDigest); };
  REQUIRE(store.commit(remove).ok());
  const auto note = store.index().unsettled(kDigest);
  REQUIRE(note);
  REQUIRE(store.put(kDigest, kBytes).ok());
  REQUIRE(store.commit(remove).ok());
  REQUIRE(store.commit([&](IndexWriter& writer) { return writer.forget_unsettled(kDigest, *note); }).ok());
  CHECK(store.index().unsettled().size() == 1);
}

TEST_CASE("the note of a removal goes after the folder was synced") {
  Store store;
  REQUIRE(store.put(kDigest, kBytes).ok());
  store.disk.taken();
  REQUIRE(store.thread.run([&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), kDigest); }).ok());
  const auto folder = store.file_of(kDigest).substr(0, store.file_of(kDigest).rfind('/'));
  CHECK(store.disk.taken() == std::vector<std::string>{"remove " + store.file_of(kDigest), "sync_directory " + folder});
}

TEST_CASE("a blob that comes back while its old file goes keeps its new file") {
  Store store;
  REQUIRE(store.put(kDigest, kBytes).ok());
  REQUIRE(store.commit([](IndexWriter& writer) { return writer.remove_blob(kDigest); }).ok());
  // The removal is late: between the record's end and the file's, the blob is stored again.
  REQUIRE(store.put(kDigest, kBytes).ok());
  CHECK(store.blobs->unsettled().remove_files(std::span(&kDigest, 1)).ok());
  CHECK(store.read(kDigest) == kBytes);

  // Or it is about to be: it has its name, and no record yet.
  bool removed = false;
  REQUIRE(store.commit([](IndexWriter& writer) { return writer.remove_blob(kDigest); }).ok());
  store.disk.watch([&](const std::string& line) {
    if (line.starts_with("sync_directory blobs/") && !std::exchange(removed, true))
      CHECK(store.blobs->unsettled().remove_files(std::span(&kDigest, 1)).ok());
  });
  REQUIRE(store.put(kDigest, kBytes).ok());
  store.disk.watch(nullptr);
  CHECK(removed);
  CHECK(store.read(kDigest) == kBytes);
  store.reopen();
  CHECK(store.read(kDigest) == kBytes);
}

TEST_CASE("a partial file beside its blob, as a power cut may leave it, goes at the start") {
  Store store;
  REQUIRE(store.put(kDigest, kBytes).ok());
  write_file(store.scratch.file(store.partial_of(kDigest)), kBytes);
  store.reopen();
  CHECK_FALSE(exists(store.scratch.file(store.partial_of(kDigest))));
  CHECK(store.read(kDigest) == kBytes);
  CHECK(store.blobs->leftovers().partials() == 0);
}
