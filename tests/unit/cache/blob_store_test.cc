#include "cache/blob_store.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

using Lines = std::vector<std::string>;

Failure open_failure(Store& store, const Digest& digest, const BlobRecord& record) {
  const auto blob = store.blobs->open_blob(digest, record);
  return blob ? Failure::unsupported : blob.error().failure;
}

Failure read_failure(Store& store, const Digest& digest, const BlobRecord& record) {
  const auto bytes = store.blobs->read_blob(digest, record);
  return bytes ? Failure::unsupported : bytes.error().failure;
}

// Whatever was queued to the index before is written.
void flush(Store& store) {
  REQUIRE(store.commit([](IndexWriter&) { return ok_status(); }).ok());
}

}  // namespace

TEST_CASE("a directory may be named with a slash at its end, or with several") {
  for (const char* slashes : {"/", "//"}) {
    const Scratch scratch;
    const ManualClock clock;
    DiskPool pool(1);
    const auto directory = scratch.file("store") + slashes;
    RealFileSystem disk(directory);
    const auto opened = BlobStore::open(clock, disk, pool, {.directory = directory});
    REQUIRE_MESSAGE(opened.ok(), (opened ? "" : opened.error().what));
    CHECK(exists(scratch.file("store/index/data.mdb")));
  }
}

TEST_CASE("nothing below the directory is reached through a link, nor outside of it") {
  const Scratch scratch;
  const ManualClock clock;
  DiskPool pool(1);
  LoopThread thread;
  const auto directory = scratch.file("store");
  RealFileSystem disk(directory);
  auto opened = BlobStore::open(clock, disk, pool, {.directory = directory});
  REQUIRE(opened.ok());
  std::filesystem::create_directories(scratch.file("elsewhere/ab"));
  const auto layout = Layout(directory);
  std::filesystem::create_directories(directory + "/blobs");
  std::filesystem::create_directory_symlink(scratch.file("elsewhere"), layout.blobs(HashAlgorithm::sha256));
  write_file(scratch.file("elsewhere/ab/x"), "not ours");
  const auto outside = layout.blobs(HashAlgorithm::sha256) + "/ab/x";
  CHECK_FALSE(disk.open(outside, FileSystem::Mode::read).ok());
  CHECK_FALSE(disk.remove(outside).ok());
  CHECK_FALSE(disk.rename(layout.lock(), outside).ok());
  CHECK_FALSE(disk.make_directories(layout.blobs(HashAlgorithm::sha256) + "/cd").ok());
  CHECK_FALSE(disk.open(directory + "/../elsewhere/ab/x", FileSystem::Mode::read).ok());
  CHECK(read_file(scratch.file("elsewhere/ab/x")) == "not ours");
  const auto digest = sha256_of("bytes");
  const auto status = thread.run(
      [&]() -> Task<Status> { co_return co_await (*opened)->put(thread.loop(), digest, "bytes", nullptr); });
  CHECK_FALSE(status.ok());
  CHECK(count_files(scratch.file("elsewhere")) == 1);
}

TEST_CASE("what was put can be opened, now and after a restart") {
  Store store;
  const auto digest = store.put("some bytes");
  CHECK(store.read(digest) == "some bytes");
  CHECK(store.index().blob(digest)->size == 10);
  CHECK(store.index().blob(digest)->stored_at == 1'000'000'000);
  store.reopen();
  CHECK(store.read(digest) == "some bytes");
  CHECK_FALSE(store.read(some_digest()));
}

TEST_CASE("empty bytes are a blob") {
  Store store;
  const auto digest = store.put("");
  CHECK(store.read(digest) == "");
}

TEST_CASE("putting syncs, renames, syncs the folder and only then commits, each once") {
  Store store;
  const auto digest = sha256_of("bytes");
  REQUIRE(store
              .put(digest, "bytes",
                   [&](IndexWriter&) {
                     store.disk.note("commit");
                     return ok_status();
                   })
              .ok());
  const auto staging = Layout("").staging(digest, 0).substr(1), folder = "blobs/sha256/" + digest.hex().substr(0, 2);
  CHECK(store.disk.taken() == Lines{"open " + staging, "write " + staging + " 0+5", "sync " + staging, "make_directories " + folder,
                                    "rename " + staging + ' ' + store.file_of(digest), "sync_directory " + folder, "commit"});
}

TEST_CASE("the record is not there before the file bears its name") {
  Store store;
  const auto digest = sha256_of("bytes");
  bool early = false;
  store.disk.watch([&](const std::string&) { early = early || store.index().blob(digest); });
  REQUIRE(store.put(digest, "bytes").ok());
  store.disk.watch(nullptr);
  CHECK_FALSE(early);
  CHECK(store.index().blob(digest));
}

TEST_CASE("a store that need not be durable syncs nothing and keeps the order") {
  Store store;
  store.options.durable = false;
  store.reopen();
  const auto digest = sha256_of("bytes");
  REQUIRE(store
              .put(digest, "bytes",
                   [&](IndexWriter&) {
                     store.disk.note("commit");
                     return ok_status();
                   })
              .ok());
  const auto lines = store.disk.taken();
  REQUIRE(lines.size() == 5);
  CHECK(lines[3].starts_with("rename "));
  CHECK(lines[4] == "commit");
  for (const auto& line : lines) CHECK_FALSE(line.starts_with("sync"));
}

TEST_CASE("a blob and its link are written in one transaction") {
  Store store;
  const auto name = name_of("docker.io/library/alpine");
  const auto digest = store.put("bytes", links(name, sha256_of("bytes")));
  CHECK(linked(store.index(), name, digest));
  const auto other = sha256_of("other");
  const auto refused = store.put(other, "other", [&](IndexWriter& writer) -> Status {
    if (auto status = writer.link(name, other, {}); !status) return status;
    return Error{Failure::denied, Side::local, false, "no"};
  });
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().failure == Failure::denied);
  CHECK_FALSE(store.index().blob(other));
  CHECK_FALSE(linked(store.index(), name, other));
}

TEST_CASE("a blob whose file is gone is not found, and its record goes too") {
  Store store;
  const auto digest = store.put("bytes");
  REQUIRE(std::filesystem::remove(store.scratch.file(store.file_of(digest))));
  CHECK(open_failure(store, digest, *store.index().blob(digest)) == Failure::not_found);
  flush(store);
  CHECK_FALSE(store.index().blob(digest));
  CHECK(store.index().totals().blob_bytes == 0);
}

TEST_CASE("a blob of the wrong size is not opened, and heals when it is put anew") {
  Store store;
  const auto digest = store.put("bytes");
  for (const std::string wrong : {"byte", "bytes and more", ""}) {
    write_file(store.scratch.file(store.file_of(digest)), wrong);
    CHECK(open_failure(store, digest, *store.index().blob(digest)) == Failure::corrupt);
    flush(store);
    CHECK_FALSE(store.index().blob(digest));
    store.put("bytes");
    CHECK(store.read(digest) == "bytes");
  }
}

TEST_CASE("a small blob is read whole, and never one of another size") {
  Store store;
  const auto digest = store.put("bytes");
  for (const std::string wrong : {"byte", "bytes and more", ""}) {
    const auto whole = store.blobs->read_blob(digest, *store.index().blob(digest));
    REQUIRE(whole.ok());
    CHECK(**whole == "bytes");
    write_file(store.scratch.file(store.file_of(digest)), wrong);
    CHECK(read_failure(store, digest, *store.index().blob(digest)) == Failure::corrupt);
    flush(store);
    CHECK_FALSE(store.index().blob(digest));
    store.put("bytes");
  }
  REQUIRE(std::filesystem::remove(store.scratch.file(store.file_of(digest))));
  CHECK(read_failure(store, digest, *store.index().blob(digest)) == Failure::not_found);
  flush(store);
  CHECK_FALSE(store.index().blob(digest));
  const auto empty = store.put("");
  CHECK((*store.blobs->read_blob(empty, *store.index().blob(empty)))->empty());
}

TEST_CASE("a disk that cannot be read is an error, and no reason to forget the blob") {
  Store store;
  const auto digest = store.put("bytes");
  for (const std::string step : {"read-open ", "size "}) {
    store.disk.fail(step, EIO);
    CHECK(open_failure(store, digest, *store.index().blob(digest)) == Failure::io);
    store.disk.fail("", 0);
    flush(store);
    CHECK(store.read(digest) == "bytes");
  }
}

TEST_CASE("an open blob stays readable when it is removed") {
  Store store;
  const auto digest = store.put("bytes");
  const auto blob = store.blobs->open_blob(digest, *store.index().blob(digest));
  REQUIRE(blob.ok());
  bool record_first = false;
  store.disk.watch([&](const std::string& line) {
    if (line.starts_with("remove ")) record_first = !store.index().blob(digest);
  });
  const auto removed = store.thread.run(
      [&]() -> Task<Status> { co_return co_await store.blobs->remove(store.thread.loop(), digest); });
  store.disk.watch(nullptr);
  CHECK(removed.ok());
  CHECK(record_first);
  CHECK_FALSE(store.read(digest));
  CHECK_FALSE(exists(store.scratch.file(store.file_of(digest))));
  std::string bytes(5, '?');
  REQUIRE(store.disk.read_at(blob->file->get(), std::as_writable_bytes(std::span(bytes)), 0).ok());
  CHECK(bytes == "bytes");
}

TEST_CASE("two stores cannot be open on one directory") {
  Store store;
  const auto second = BlobStore::open(store.clock, store.disk, store.pool, store.options);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().failure == Failure::conflict);
  CHECK(second.error().what.find(store.scratch.path()) != std::string::npos);
  store.put("still works");
  store.reopen();  // the lock goes with its owner
}

TEST_CASE("at its start a store keeps partial files and throws away all else beside them") {
  Store store;
  const auto digest = some_digest();
  const auto partial = store.scratch.file(store.partial_of(digest));
  for (const auto& name : {partial, partial + ".7", store.scratch.file("partial/notes.txt")}) write_file(name, "x");
  store.reopen();
  CHECK(exists(partial));
  CHECK(count_files(store.scratch.file("partial")) == 1);
  store.options.resume_partial = false;
  store.reopen();
  CHECK(count_files(store.scratch.file("partial")) == 0);
}

TEST_CASE("a store whose folders cannot be made does not open") {
  Store store;
  store.blobs.reset();
  for (const std::string step : {"make_directories", "open lock", "list partial"}) {
    store.disk.fail(step, ENOSPC);
    const auto opened = BlobStore::open(store.clock, store.disk, store.pool, store.options);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().failure == Failure::no_space);
  }
}
