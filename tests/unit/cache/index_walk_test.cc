// Whole walks over the index: every record once, in order, although they are read in chunks.

#include "cache/index.h"

#include <future>
#include <set>

#include "tests/unit/base/loop_thread.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

struct Opened {
  Scratch scratch;
  ManualClock clock;
  std::unique_ptr<Index> index;

  Opened() {
    auto opened = Index::open(clock, {.directory = scratch.path(), .durable = false});
    REQUIRE(opened.ok());
    index = *std::move(opened);
  }
  void write(Index::Mutation mutation) {
    std::promise<Status> done;
    auto future = done.get_future();
    index->submit(std::move(mutation), [&done](Status status) { done.set_value(std::move(status)); });
    REQUIRE(take(future).ok());
  }
  void tag(const std::string& name, const std::string& tag, unsigned digest) {
    write([=](IndexWriter& writer) { return writer.put_tag(name_of(name), tag_of(tag), {some_digest(digest), 0}); });
  }
  std::string tags(std::string_view prefix) {
    std::string all;
    index->each_tag(prefix, [&](std::string_view repository, std::string_view tag, const TagRecord&) {
      all.append(repository).append(1, ':').append(tag).append(1, ' ');
    });
    return all;
  }
};

}  // namespace

TEST_CASE("tags are walked by repository and tag, below a prefix") {
  Opened opened;
  opened.tag("docker.io/b", "2", 1);
  opened.tag("docker.io/b", "1", 1);
  opened.tag("docker.io/a", "9", 1);
  opened.tag("docker.io/bc", "1", 1);
  opened.tag("quay.io/b", "1", 1);
  CHECK(opened.tags("") == "docker.io/a:9 docker.io/b:1 docker.io/b:2 docker.io/bc:1 quay.io/b:1 ");
  CHECK(opened.tags("docker.io/") == "docker.io/a:9 docker.io/b:1 docker.io/b:2 docker.io/bc:1 ");
  CHECK(opened.tags(std::string("docker.io/b") + '\0') == "docker.io/b:1 docker.io/b:2 ");
  CHECK(opened.tags("ghcr.io").empty());
}

TEST_CASE("more records than a chunk holds are each met once") {
  Opened opened;
  constexpr unsigned kMany = 2'500;
  opened.write([](IndexWriter& writer) -> Status {
    for (unsigned i = 0; i < kMany; ++i) {
      if (auto status = writer.put_tag(name_of("docker.io/a"), tag_of(std::to_string(i)), {some_digest(i), i}); !status)
        return status;
      if (auto status = writer.put_blob(some_digest(i), {i, 0, 0}); !status) return status;
      if (auto status = writer.link(name_of("docker.io/a"), some_digest(i), {Link::Kind::blob, i, ""}); !status) return status;
    }
    return ok_status();
  });
  std::set<std::string> tags;
  std::string last;
  opened.index->each_tag("", [&](std::string_view, std::string_view tag, const TagRecord& record) {
    CHECK(last < tag);
    last = tag;
    CHECK(tags.insert(std::string(tag)).second);
    CHECK(std::to_string(record.checked_at) == tag);
  });
  CHECK(tags.size() == kMany);
  std::set<Digest> blobs, links;
  std::uint64_t sizes = 0;
  opened.index->each_blob([&](const Digest& digest, const BlobRecord& record) {
    blobs.insert(digest);
    sizes += record.size;
  });
  opened.index->each_link("docker.io/", [&](std::string_view repository, const Digest& digest, const Link&) {
    CHECK(repository == "docker.io/a");
    links.insert(digest);
  });
  CHECK(blobs.size() == kMany);
  CHECK(links == blobs);
  CHECK(sizes == opened.index->totals().blob_bytes);
}

TEST_CASE("a walk may write to what it walks over, and ends") {
  Opened opened;
  for (unsigned i = 0; i < 5; ++i) opened.tag("docker.io/a", std::to_string(i), i);
  int met = 0;
  opened.index->each_tag("", [&](std::string_view repository, std::string_view tag, const TagRecord&) {
    ++met;
    const std::string name(repository), gone(tag);
    opened.write([=](IndexWriter& writer) { return writer.remove_tag(name, gone); });
  });
  CHECK(met == 5);
  CHECK(opened.index->totals().tags == 0);
}

TEST_CASE("the repositories of a digest are those that are linked to it, of either algorithm") {
  Opened opened;
  const auto digest = some_digest(), sha512 = Digest::of(HashAlgorithm::sha512, "x");
  opened.write([&](IndexWriter& writer) -> Status {
    for (const std::string name : {"docker.io/b", "docker.io/a", "quay.io/a"}) {
      if (auto status = writer.link(name_of(name), digest, {}); !status) return status;
    }
    return writer.link(name_of("docker.io/c"), sha512, {});
  });
  CHECK(opened.index->repositories_of(digest) == std::vector<std::string>{"docker.io/a", "docker.io/b", "quay.io/a"});
  CHECK(opened.index->repositories_of(sha512) == std::vector<std::string>{"docker.io/c"});
  CHECK(opened.index->repositories_of(some_digest(9)).empty());
  opened.write([&](IndexWriter& writer) { return writer.unlink("docker.io/b", digest); });
  CHECK(opened.index->repositories_of(digest) == std::vector<std::string>{"docker.io/a", "quay.io/a"});
  CHECK_FALSE(opened.index->link(name_of("docker.io/b"), digest));
}

TEST_CASE("a read-only index answers like the other") {
  Opened opened;
  opened.tag("docker.io/a", "1", 1);
  opened.index.reset();
  const auto reading = Index::open(opened.clock, {.directory = opened.scratch.path(), .read_only = true});
  REQUIRE(reading.ok());
  CHECK((*reading)->tag(name_of("docker.io/a"), tag_of("1"))->digest == some_digest(1));
  CHECK((*reading)->totals().tags == 1);
}

TEST_CASE("the longest names, tags and digests fit") {
  Opened opened;
  const Name name(std::string(100, 'n'), path_of(std::string(255, 'p')));
  const auto tag = tag_of(std::string(128, 't'));
  const auto digest = Digest::of(HashAlgorithm::sha512, "x");
  opened.write([&](IndexWriter& writer) -> Status {
    if (auto status = writer.put_tag(name, tag, {digest, 1}); !status) return status;
    return writer.link(name, digest, {Link::Kind::manifest, 5, std::string(300, 'm')});
  });
  CHECK(opened.index->tag(name, tag)->digest == digest);
  CHECK(opened.index->link(name, digest)->media_type.size() == 300);
  CHECK(opened.index->repositories_of(digest) == std::vector<std::string>{name.text()});
}
