#include "cache/index.h"

#include <future>
#include <latch>

#include "tests/unit/base/loop_thread.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const Name kLibraryAlpine = name_of("docker.io/library/alpine"), kBusybox = name_of("docker.io/library/busybox");

struct OpenIndex {
  Scratch scratch;
  ManualClock clock{1'000'000'000};
  std::unique_ptr<Index> index;

  OpenIndex() { reopen(); }
  void reopen(bool read_only = false) {
    index.reset();
    auto opened = Index::open(clock, {.directory = scratch.path(), .read_only = read_only, .durable = false});
    REQUIRE(opened.ok());
    index = *std::move(opened);
  }
  std::future<Status> submit(Index::Mutation mutation) {
    auto done = std::make_shared<std::promise<Status>>();
    auto future = done->get_future();
    index->submit(std::move(mutation), [done](Status status) { done->set_value(std::move(status)); });
    return future;
  }
  Status write(Index::Mutation mutation) {
    auto future = submit(std::move(mutation));
    return take(future);
  }
  void put_blob(const Digest& digest, std::uint64_t size) {
    REQUIRE(write([=](IndexWriter& writer) { return writer.put_blob(digest, {size, writer.now(), writer.now()}); }).ok());
  }
  void put_link(const Name& name, const Digest& digest, const Link& link) {
    REQUIRE(write([=](IndexWriter& writer) { return writer.link(name, digest, link); }).ok());
  }
};

Status refusal() { return Error{Failure::denied, Side::local, false, "no"}; }

}  // namespace

TEST_CASE("blobs, links and tags are still known after a restart") {
  OpenIndex opened;
  const auto digest = some_digest(), sha512 = Digest::of(HashAlgorithm::sha512, "x");
  REQUIRE(opened
              .write([&](IndexWriter& writer) -> Status {
                if (auto status = writer.put_blob(digest, {1ull << 40, 5, 6}); !status) return status;
                if (auto status = writer.put_blob(sha512, {7, 8, 9}); !status) return status;
                if (auto status = writer.link(kLibraryAlpine, digest, {Link::Kind::manifest, 500, "application/x"}); !status)
                  return status;
                return writer.put_tag(kLibraryAlpine, tag_of("3"), {digest, 77});
              })
              .ok());
  for (int round = 0; round < 2; ++round) {
    const auto blob = opened.index->blob(digest);
    REQUIRE(blob);
    CHECK(blob->size == 1ull << 40);
    CHECK(blob->stored_at == 5);
    CHECK(blob->last_used == 6);
    CHECK(opened.index->blob(sha512)->size == 7);
    const auto link = opened.index->link(kLibraryAlpine, digest);
    REQUIRE(link);
    CHECK(link->kind == Link::Kind::manifest);
    CHECK(link->size == 500);
    CHECK(link->media_type == "application/x");
    const auto tag = opened.index->tag(kLibraryAlpine, tag_of("3"));
    REQUIRE(tag);
    CHECK(tag->digest == digest);
    CHECK(tag->checked_at == 77);
    opened.reopen();
  }
  CHECK_FALSE(opened.index->blob(some_digest(9)));
  CHECK_FALSE(opened.index->link(kBusybox, digest));
  CHECK_FALSE(opened.index->link(kLibraryAlpine, sha512));
  CHECK_FALSE(opened.index->tag(kLibraryAlpine, tag_of("30")));
  CHECK_FALSE(opened.index->tag(kBusybox, tag_of("3")));
}

TEST_CASE("a store of a newer schema is refused, whoever opens it") {
  const Scratch scratch;
  const ManualClock clock;
  {
    const auto environment = LmdbEnvironment::open(
        {.directory = scratch.path(), .tables = {"meta", "blobs", "links", "linked_by", "tags"}});
    REQUIRE(environment.ok());
    WriteTransaction transaction(**environment);
    REQUIRE(transaction.put(0, "schema", std::string("\x06\0\0\0\0\0\0\0", 8)).ok());
    REQUIRE(transaction.commit().ok());
  }
  for (const bool read_only : {false, true}) {
    const auto opened = Index::open(clock, {.directory = scratch.path(), .read_only = read_only});
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().failure == Failure::unsupported);
    CHECK(opened.error().what.find("schema 6") != std::string::npos);
  }
}

TEST_CASE("a store of schema 1 is brought to this one, also when it was broken off in between") {
  const Scratch scratch;
  const ManualClock clock;
  constexpr unsigned kMany = 25'000;
  const auto key = [](unsigned i) { return std::string(1, '\1') + some_digest(i).raw(); };
  const auto number = [](std::uint64_t value) {
    std::string text;
    records::put_number(text, value);
    return text;
  };
  {
    const auto environment = LmdbEnvironment::open(
        {.directory = scratch.path(), .tables = {"meta", "blobs", "links", "linked_by", "tags"}, .durable = false});
    REQUIRE(environment.ok());
    WriteTransaction transaction(**environment);
    REQUIRE(transaction.put(0, "schema", number(1)).ok());
    REQUIRE(transaction.put(0, "blob-bytes", number(kMany * 5000)).ok());
    for (unsigned i = 0; i < kMany; ++i)
      REQUIRE(transaction.put(1, key(i), number(5000) + number(100 + i) + number(200 + i)).ok());
    REQUIRE(transaction.put(4, std::string("docker.io/library/a\0003", 21), number(9) + key(3)).ok());
    REQUIRE(transaction.commit().ok());
  }
  {
    // Who only reads understands it as it is.
    const auto reading = Index::open(clock, {.directory = scratch.path(), .read_only = true});
    REQUIRE(reading.ok());
    CHECK((*reading)->blob(some_digest(7))->last_used == 207);
    CHECK((*reading)->totals().blobs == kMany);
    CHECK((*reading)->unsettled().empty());
  }
  for (int turn = 0; turn < 2; ++turn) {
    const auto opened = Index::open(clock, {.directory = scratch.path(), .durable = false});
    REQUIRE(opened.ok());
    auto& index = **opened;
    CHECK(index.totals().blobs == kMany);
    CHECK(index.totals().blob_bytes == kMany * 5000);
    CHECK(index.totals().room == kMany * 8192);
    const auto record = index.blob(some_digest(7));
    CHECK(record->stored_at == 107);
    CHECK(record->last_used == 207);
    CHECK(record->verified_at == 107);
    CHECK(index.tag(name_of("docker.io/library/a"), tag_of("3"))->digest == some_digest(3));
    // As if the program had ended before it wrote the schema: what is done is not done twice.
    REQUIRE(index.commit_and_wait([&](IndexWriter& writer) { return writer.put_meta("schema", number(1)); }).ok());
  }
}

TEST_CASE("a store of schema 4 takes a link for proven where a stored blob is linked in one repository alone") {
  const Scratch scratch;
  const ManualClock clock;
  std::string four;
  records::put_number(four, 4);
  const auto one = some_digest(1), shared = some_digest(2), missing = some_digest(3);
  {
    const auto opened = Index::open(clock, {.directory = scratch.path(), .durable = false});
    REQUIRE(opened.ok());
    REQUIRE((*opened)
                ->commit_and_wait([&](IndexWriter& writer) -> Status {
                  for (const auto& digest : {one, shared}) {
                    if (auto status = writer.put_blob(digest, {.size = 5}); !status) return status;
                  }
                  for (const auto& [repository, digest] : {std::pair("up/a", one), std::pair("up/a", shared),
                                                           std::pair("up/b", shared), std::pair("up/a", missing)}) {
                    if (auto status = writer.link(repository, digest, Link{Link::Kind::blob, 5, ""}); !status) return status;
                  }
                  return writer.put_meta("schema", four);
                })
                .ok());
  }
  for (int turn = 0; turn < 2; ++turn) {
    const auto opened = Index::open(clock, {.directory = scratch.path(), .durable = false});
    REQUIRE(opened.ok());
    CHECK((*opened)->link("up/a", one)->proven);
    CHECK_FALSE((*opened)->link("up/a", shared)->proven);
    CHECK_FALSE((*opened)->link("up/b", shared)->proven);
    CHECK_FALSE((*opened)->link("up/a", missing)->proven);
    CHECK((*opened)->proven_in(one, "", 8) == std::vector<std::string>{"up/a"});
    // As if it had ended before it wrote the schema.
    REQUIRE((*opened)->commit_and_wait([&](IndexWriter& writer) { return writer.put_meta("schema", four); }).ok());
  }
}

TEST_CASE("a proof stays whatever is claimed later, and says through which repositories a digest may be served") {
  OpenIndex opened;
  Index& index = *opened.index;
  const auto digest = some_digest(1);
  const auto link = [&](const char* repository, bool proven) {
    REQUIRE(index
                .commit_and_wait(
                    [&](IndexWriter& writer) { return writer.link(repository, digest, Link{Link::Kind::blob, 5, "", proven}); })
                .ok());
  };
  link("up/a", false);
  link("up/b", true);
  link("up/b", false);
  CHECK_FALSE(index.link("up/a", digest)->proven);
  CHECK(index.link("up/b", digest)->proven);
  CHECK(index.proven_in(digest, "up/a", 8) == std::vector<std::string>{"up/b"});
  CHECK(index.proven_in(digest, "up/b", 8).empty());
  link("up/a", true);
  CHECK(index.link("up/a", digest)->proven);
  CHECK(index.proven_in(digest, "", 8) == std::vector<std::string>{"up/a", "up/b"});
  CHECK(index.proven_in(digest, "", 1).size() == 1);
}

TEST_CASE("the sums of the queues are those of the blobs, whatever happens to them") {
  OpenIndex opened;
  const auto held = [&](unsigned from, unsigned until) {
    std::uint64_t room = 0, bytes = 0;
    for (unsigned i = from; i < until; ++i) {
      if (const auto record = opened.index->blob(some_digest(i))) {
        room += room_of(record->size);
        bytes += record->size;
      }
    }
    const auto totals = opened.index->totals();
    CHECK(totals.room == room);
    CHECK(totals.blob_bytes == bytes);
  };
  opened.index->set_capacity(1'000'000);
  for (unsigned i = 0; i < 200; ++i) opened.put_blob(some_digest(i), i * 700);
  held(0, 200);
  opened.put_blob(some_digest(50), 1);         // of another size
  opened.put_blob(some_digest(51), 51 * 700);  // of the same
  held(0, 200);
  REQUIRE(opened.write([](IndexWriter& writer) { return writer.remove_blob(some_digest(60)); }).ok());
  held(0, 200);
  std::vector<IndexWriter::Victim> victims;
  std::uint64_t kept = 0;
  REQUIRE(opened
              .write([&](IndexWriter& writer) -> Status {
                auto shrunk = writer.shrink(
                    3'000'000, [](const Digest& digest, const BlobRecord&) { return digest == some_digest(3); }, UINT64_MAX, kept);
                if (!shrunk) return shrunk.error();
                victims = shrunk->victims;
                return ok_status();
              })
              .ok());
  CHECK(!victims.empty());
  CHECK(opened.index->totals().room <= 3'000'000);
  held(0, 200);
  CHECK(opened.index->blob(some_digest(3)));
  for (const auto& victim : victims) CHECK_FALSE(opened.index->blob(victim.digest));
  // Each is unsettled until its file is gone: those, and the one that was removed.
  CHECK(opened.index->unsettled().size() == victims.size() + 1);
  // What comes back soon is remembered, and its ghost is gone.
  const auto ghosts = opened.index->totals().ghosts;
  CHECK(ghosts > 0);
  opened.put_blob(victims.back().digest, 5);
  held(0, 200);
  CHECK(opened.index->totals().ghosts == ghosts - 1);
  CHECK(opened.index->unsettled().size() == victims.size());
}

TEST_CASE("of a group with one bad mutation only that one fails, and it leaves nothing") {
  OpenIndex opened;
  std::latch entered(1), go(1);
  auto first = opened.submit([&](IndexWriter&) {
    entered.count_down();
    go.wait();
    return ok_status();
  });
  entered.wait();  // what comes now waits together and is tried in one transaction
  std::vector<std::future<Status>> done;
  for (unsigned i = 0; i < 5; ++i) {
    done.push_back(opened.submit([i](IndexWriter& writer) -> Status {
      if (auto status = writer.put_blob(some_digest(i), {i + 1, 0, 0}); !status) return status;
      return i == 2 ? refusal() : ok_status();
    }));
  }
  go.count_down();
  CHECK(take(first).ok());
  for (unsigned i = 0; i < 5; ++i) {
    const auto status = take(done[i]);
    CHECK(status.ok() == (i != 2));
    if (!status) CHECK(status.error().failure == Failure::denied);
    CHECK(opened.index->blob(some_digest(i)).has_value() == (i != 2));
  }
  CHECK(opened.index->totals().blobs == 4);
  CHECK(opened.index->totals().blob_bytes == 1 + 2 + 4 + 5);
}

TEST_CASE("mutations are done in the order they were submitted") {
  OpenIndex opened;
  std::vector<std::future<Status>> done;
  for (int i = 0; i < 50; ++i) {
    done.push_back(opened.submit([i](IndexWriter& writer) {
      return writer.put_tag(kLibraryAlpine, tag_of("latest"), {some_digest(static_cast<unsigned>(i)), i});
    }));
  }
  for (auto& each : done) CHECK(take(each).ok());
  CHECK(opened.index->tag(kLibraryAlpine, tag_of("latest"))->digest == some_digest(49));
}

TEST_CASE("what was submitted is written before the index ends") {
  OpenIndex opened;
  opened.index->submit([](IndexWriter& writer) { return writer.put_blob(some_digest(), {1, 0, 0}); }, [](Status) {});
  opened.index->touch(some_digest());
  opened.reopen();
  CHECK(opened.index->blob(some_digest()));
}

TEST_CASE("a commit comes back to its loop after it is readable") {
  OpenIndex opened;
  LoopThread thread;
  const bool seen = thread.run([&]() -> Task<bool> {
    auto status = co_await opened.index->commit(thread.loop(),
                                                [](IndexWriter& writer) { return writer.put_blob(some_digest(), {1, 0, 0}); });
    co_return status.ok() && thread.loop().on_this_thread() && opened.index->blob(some_digest()).has_value();
  });
  CHECK(seen);
}

TEST_CASE("a use is noted with the next group, and at most once in ten minutes") {
  OpenIndex opened;
  const auto digest = some_digest();
  opened.put_blob(digest, 1);
  const auto start = opened.clock.wall_seconds();
  const auto used_after = [&](Seconds pause) {
    opened.clock.advance(pause);
    opened.index->touch(digest);
    REQUIRE(opened.write([](IndexWriter&) { return ok_status(); }).ok());
    return opened.index->blob(digest)->last_used - start;
  };
  CHECK(used_after(Seconds(599)) == 0);
  CHECK(used_after(Seconds(1)) == 600);
  CHECK(used_after(Seconds(1)) == 600);
  // As many uses as count, and it is noted still.
  for (int i = 1; i <= 5; ++i) CHECK(used_after(Seconds(1000)) == 601 + 1000 * i);
  CHECK(opened.index->blob(digest)->stored_at == start);
}

TEST_CASE("a use of what is not there makes no record") {
  OpenIndex opened;
  opened.index->touch(some_digest());
  REQUIRE(opened.write([](IndexWriter&) { return ok_status(); }).ok());
  CHECK_FALSE(opened.index->blob(some_digest()));
  CHECK(opened.index->totals().blobs == 0);
}

TEST_CASE("a link that is known better stays") {
  OpenIndex opened;
  const auto digest = some_digest();
  opened.put_link(kLibraryAlpine, digest, {Link::Kind::manifest, 500, "application/x"});
  opened.put_link(kLibraryAlpine, digest, {Link::Kind::blob, std::nullopt, ""});
  auto link = opened.index->link(kLibraryAlpine, digest);
  REQUIRE(link);
  CHECK(link->kind == Link::Kind::manifest);
  CHECK(link->size == 500);
  CHECK(link->media_type == "application/x");
  opened.put_link(kLibraryAlpine, digest, {Link::Kind::manifest, 600, "application/y"});
  link = opened.index->link(kLibraryAlpine, digest);
  CHECK(link->size == 600);
  CHECK(link->media_type == "application/y");
  CHECK(opened.index->totals().links == 1);
}

TEST_CASE("a size of zero is a size") {
  OpenIndex opened;
  opened.put_link(kLibraryAlpine, some_digest(), {Link::Kind::blob, 0, ""});
  CHECK(opened.index->link(kLibraryAlpine, some_digest())->size == 0);
  opened.put_link(kLibraryAlpine, some_digest(1), {Link::Kind::blob, std::nullopt, ""});
  CHECK_FALSE(opened.index->link(kLibraryAlpine, some_digest(1))->size);
}

TEST_CASE("a holding is link and blob at one moment") {
  OpenIndex opened;
  const auto digest = some_digest();
  CHECK_FALSE(opened.index->holding(kLibraryAlpine, digest).link);
  opened.put_link(kLibraryAlpine, digest, {});
  CHECK(opened.index->holding(kLibraryAlpine, digest).link);
  CHECK_FALSE(opened.index->holding(kLibraryAlpine, digest).blob);
  opened.put_blob(digest, 3);
  CHECK(opened.index->holding(kLibraryAlpine, digest).blob->size == 3);
  CHECK_FALSE(opened.index->holding(kBusybox, digest).link);
  CHECK(opened.index->holding(kBusybox, digest).blob);
}

TEST_CASE("totals follow every write") {
  OpenIndex opened;
  opened.put_blob(some_digest(1), 100);
  opened.put_blob(some_digest(2), 20);
  opened.put_blob(some_digest(2), 3);  // again, with another size
  CHECK(opened.index->totals().blobs == 2);
  CHECK(opened.index->totals().blob_bytes == 103);
  const auto remove = [](IndexWriter& writer) { return writer.remove_blob(some_digest(1)); };
  CHECK(opened.write(remove).ok());
  CHECK(opened.write(remove).ok());  // twice is fine
  CHECK(opened.index->totals().blobs == 1);
  CHECK(opened.index->totals().blob_bytes == 3);
  opened.put_link(kLibraryAlpine, some_digest(2), {});
  REQUIRE(opened.write([](IndexWriter& writer) { return writer.put_tag(kLibraryAlpine, tag_of("a"), {some_digest(2), 1}); }).ok());
  opened.reopen();
  const auto totals = opened.index->totals();
  CHECK(totals.blob_bytes == 3);
  CHECK(totals.links == 1);
  CHECK(totals.tags == 1);
}

TEST_CASE("a mutation reads what it and those before it wrote") {
  OpenIndex opened;
  opened.put_blob(some_digest(), 5);
  std::optional<std::uint64_t> before, after;
  WallSeconds now = 0;
  REQUIRE(opened
              .write([&](IndexWriter& writer) -> Status {
                before = writer.blob(some_digest())->size;
                now = writer.now();
                if (auto status = writer.put_blob(some_digest(), {6, 0, 0}); !status) return status;
                after = writer.blob(some_digest())->size;
                return ok_status();
              })
              .ok());
  CHECK(before == 5);
  CHECK(after == 6);
  CHECK(now == opened.clock.wall_seconds());
}
