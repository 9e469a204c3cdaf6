#include "cache/rebuild.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const Name kRebuilt = name_of("docker.io/library/alpine");

Rebuilt rebuild(Store& store) {
  auto rebuilt = rebuild_index(store.clock, store.disk, store.options, [](std::uint64_t) {});
  REQUIRE_MESSAGE(rebuilt.ok(), (rebuilt ? "" : rebuilt.error().what));
  return *std::move(rebuilt);
}

std::vector<Digest> fill(Store& store) {
  std::vector<Digest> digests;
  for (int i = 0; i < 1200; ++i)
    digests.push_back(store.put("blob " + std::to_string(i), links(kRebuilt, sha256_of("blob " + std::to_string(i)))));
  REQUIRE(store
              .commit([&](IndexWriter& writer) -> Status {
                if (auto status = writer.put_pin("docker.io/library/**", 7); !status) return status;
                return writer.put_tag(kRebuilt, tag_of("3"), {digests[0], 42});
              })
              .ok());
  return digests;
}

}  // namespace

TEST_CASE("a rebuilt index knows every blob, and what the old one knew of names") {
  Store store;
  store.options.durable = false;
  store.reopen();
  const auto digests = fill(store);
  const auto before = store.index().totals();
  store.blobs.reset();
  write_file(store.scratch.file("blobs/sha256/00/no digest"), "strange");
  const auto rebuilt = rebuild(store);
  CHECK(rebuilt.blobs == 1200);
  CHECK(rebuilt.strange == 1);
  CHECK(rebuilt.salvaged);
  store.reopen();
  const auto after = store.index().totals();
  CHECK(after.blobs == before.blobs);
  CHECK(after.blob_bytes == before.blob_bytes);
  CHECK(after.room == before.room);
  CHECK(after.links == before.links);
  CHECK(store.index().tag(kRebuilt, tag_of("3"))->digest == digests[0]);
  std::string pins;
  store.index().each_pin([&](std::string_view pattern, WallSeconds since) { pins += std::string(pattern) + std::to_string(since); });
  CHECK(pins == "docker.io/library/**7");
  CHECK(store.read(digests[77]) == "blob 77");
  CHECK(store.index().blob(digests[77])->verified_at == 0);
  CHECK(store.blobs->due(*store.index().blob(digests[77])));
}

TEST_CASE("where the old index is garbage, or gone, the blobs are known all the same") {
  for (const bool gone : {false, true}) {
    CAPTURE(gone);
    Store store;
    store.options.durable = false;
    store.reopen();
    fill(store);
    store.blobs.reset();
    if (gone) std::filesystem::remove_all(store.scratch.file("index"));
    else write_file(store.scratch.file("index/data.mdb"), std::string(100'000, 'G'));
    for (int twice = 0; twice < 2; ++twice) {
      const auto opened = BlobStore::open(store.clock, store.disk, store.pool, store.options);
      REQUIRE_FALSE(opened.ok());
      CHECK(opened.error().failure == Failure::corrupt);
      CHECK(opened.error().what.find("weir cache rebuild") != std::string::npos);
    }
    const auto rebuilt = rebuild(store);
    CHECK(rebuilt.blobs == 1200);
    CHECK_FALSE(rebuilt.salvaged);
    store.reopen();
    CHECK(store.index().totals().blobs == 1200);
    CHECK(store.index().totals().links == 0);
  }
}

TEST_CASE("of an index that is damaged in the middle the rest is kept, its pins first") {
  Store store;
  store.options.durable = false;
  store.reopen();
  fill(store);
  const auto before = store.index().totals();
  store.blobs.reset();
  // The page with the most links on it, which is a leaf of theirs, becomes one that no tree has.
  const auto path = store.scratch.file("index/data.mdb");
  auto bytes = read_file(path);
  const auto link = records::pair_key(kRebuilt.text(), records::digest_key(some_digest())).substr(0, kRebuilt.text().size() + 2);
  std::size_t most = 0, worst = 0;
  for (std::size_t page = 0; page + 4096 <= bytes.size(); page += 4096) {
    std::size_t count = 0;
    const auto text = std::string_view(bytes).substr(page, 4096);
    for (auto at = text.find(link); at != text.npos; at = text.find(link, at + 1)) ++count;
    if (count >= most) most = count, worst = page;
  }
  REQUIRE(most > 10);
  bytes.replace(worst, 4096, 4096, '\xff');
  write_file(path, bytes);
  const auto rebuilt = rebuild(store);
  CHECK(rebuilt.blobs == 1200);
  CHECK(rebuilt.salvaged);
  CHECK(rebuilt.damaged);
  CHECK(rebuilt.links < before.links);
  CHECK(exists(store.scratch.file("index/data.mdb.unreadable")));
  store.reopen();
  CHECK(store.index().tag(kRebuilt, tag_of("3")));
  std::size_t pins = 0;
  store.index().each_pin([&pins](std::string_view, WallSeconds) { ++pins; });
  CHECK(pins == 1);
}

TEST_CASE("beside a server nothing is rebuilt") {
  Store store;
  store.put("x");
  const auto rebuilt = rebuild_index(store.clock, store.disk, store.options, [](std::uint64_t) {});
  REQUIRE_FALSE(rebuilt.ok());
  CHECK(rebuilt.error().failure == Failure::conflict);
  CHECK(store.index().totals().blobs == 1);
}
