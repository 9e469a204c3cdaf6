#include "cache/lineage.h"

#include <algorithm>

#include "oci/media_type.h"
#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const Name kApp = name_of("up.io/app"), kElsewhere = name_of("up.io/elsewhere");

std::string described_as(const Digest& digest, const std::string& platform = "") {
  return R"({"digest":")" + digest.text() + R"(","size":10)" + platform + "}";
}

// Manifests stored as a pull stores them; `entered`: with what they refer to, which an older program left out.
struct Lineage {
  Store store;

  Digest image(const Digest& config, const Digest& layer, const Name& name = kApp, bool entered = true) {
    return manifest(R"({"config":)" + described_as(config) + R"(,"layers":[)" + described_as(layer) + "]}",
                    media_type::kOciManifest, name, entered);
  }
  Digest index_of(const Digest& child, const std::string& platform, const Name& name = kApp) {
    return manifest(R"({"manifests":[)" + described_as(child, platform) + "]}", media_type::kOciIndex, name, true);
  }
  Digest manifest(const std::string& bytes, std::string_view type, const Name& name, bool entered) {
    const auto digest = sha256_of(bytes);
    return store.put(bytes, [=](IndexWriter& writer) -> Status {
      if (auto status = writer.link(name, digest, {Link::Kind::manifest, bytes.size(), std::string(type)}); !status)
        return status;
      return entered ? writer.put_manifest(name.text(), digest, Manifest::parse(bytes, type).value()) : ok_status();
    });
  }
  Digest blob(const std::string& bytes) {
    return store.put(bytes, [=](IndexWriter& writer) { return writer.link(kApp, sha256_of(bytes), {}); });
  }
  // Lets so many blobs go, all of one room.
  std::vector<Digest> evict(std::uint64_t count) {
    std::vector<Digest> gone;
    REQUIRE(store
                .commit([&](IndexWriter& writer) -> Status {
                  std::uint64_t kept = 0;
                  auto shrunk = writer.shrink(
                      writer.eviction().held_bytes() - count * room_of(1), [](const Digest&, const BlobRecord&) { return false; },
                      UINT64_MAX, kept);
                  if (!shrunk) return shrunk.error();
                  gone.clear();
                  for (const auto& victim : shrunk->victims) gone.push_back(victim.digest);
                  return ok_status();
                })
                .ok());
    return gone;
  }
  void tag(const std::string& text, const Digest& digest, const Name& name = kApp) {
    REQUIRE(store.commit([=](IndexWriter& writer) { return writer.put_tag(name, tag_of(text), {digest, 0}); }).ok());
  }
  std::vector<Kin> kin(const Digest& digest, const Name& name = kApp) {
    std::vector<Kin> all;
    each_kin(store.index(), name.text(), digest, [&all](const Kin& one) {
      all.push_back(one);
      return true;
    });
    for (auto& one : all) std::ranges::sort(one.tags);
    return all;
  }
};

const Digest kLayer = sha256_of("layer"), kConfig = sha256_of("config");
const std::string kArm = R"(,"platform":{"os":"linux","architecture":"arm64","variant":"v8"})";

}  // namespace

TEST_CASE("a blob is judged by the manifests of its repository, with all tags that lead to them") {
  Lineage lines;
  const auto image = lines.image(kConfig, kLayer);
  const auto other = lines.image(sha256_of("other"), kLayer);
  const auto index = lines.index_of(image, kArm);
  lines.tag("v1", index);
  lines.tag("v2", image);
  lines.tag("w", other);
  const auto kin = lines.kin(kLayer);
  REQUIRE(kin.size() == 2);
  const auto& of_image = kin[0].digest == image ? kin[0] : kin[1];
  const auto& of_other = kin[0].digest == image ? kin[1] : kin[0];
  CHECK(of_image.tags == std::vector<std::string>{"v1", "v2"});
  CHECK(of_image.platform == "linux/arm64/v8");
  REQUIRE(of_image.record);
  CHECK(of_image.record->layer_bytes == 10);
  CHECK(of_image.record->config == kConfig);
  CHECK(of_other.tags == std::vector<std::string>{"w"});
  CHECK_FALSE(of_other.platform);
  CHECK(lines.kin(kLayer, kElsewhere).empty());
  CHECK(lines.kin(sha256_of("nothing")).empty());
}

TEST_CASE("a manifest is judged by itself, and an index has the platforms it names") {
  Lineage lines;
  const auto image = lines.image(kConfig, kLayer);
  const auto index = lines.index_of(image, kArm);
  const auto kin = lines.kin(index);
  REQUIRE(kin.size() == 1);
  CHECK(kin[0].digest == index);
  CHECK(kin[0].tags.empty());
  CHECK(kin[0].record->platforms == std::vector<std::string>{"linux/arm64/v8"});
  CHECK_FALSE(kin[0].record->config);
  CHECK(lines.kin(image)[0].platform == "linux/arm64/v8");
}

TEST_CASE("of a manifest that other programs may read differently nothing is known but when it was seen") {
  Lineage lines;
  const auto layers = R"("layers":[)" + described_as(kLayer) + R"(],"Layers":[])";
  const auto ambiguous = lines.manifest(R"({"config":)" + described_as(kConfig) + "," + layers + "}", media_type::kOciManifest,
                                        kApp, true);
  lines.tag("v1", ambiguous);
  const auto kin = lines.kin(ambiguous);
  REQUIRE(kin.size() == 1);
  CHECK_FALSE(kin[0].record);
  CHECK(kin[0].tags == std::vector<std::string>{"v1"});
  CHECK(kin[0].first_seen);
  CHECK(lines.kin(kLayer).empty());
  CHECK(lines.kin(kConfig).empty());
}

TEST_CASE("tags that move or go, and links that go, lead nowhere any more") {
  Lineage lines;
  const auto image = lines.image(kConfig, kLayer), other = lines.image(sha256_of("other"), sha256_of("layer two"));
  lines.tag("v1", image);
  lines.tag("v2", image);
  lines.tag("v1", other);
  CHECK(lines.kin(image)[0].tags == std::vector<std::string>{"v2"});
  CHECK(lines.kin(other)[0].tags == std::vector<std::string>{"v1"});
  REQUIRE(lines.store.commit([](IndexWriter& writer) { return writer.remove_tag(kApp.text(), "v2"); }).ok());
  CHECK(lines.kin(image)[0].tags.empty());
  CHECK(lines.kin(kLayer).size() == 1);
  REQUIRE(lines.store.commit([&](IndexWriter& writer) { return writer.unlink(kApp.text(), image); }).ok());
  CHECK(lines.kin(kLayer).empty());
}

TEST_CASE("what an older program stored is entered when the store is opened, once") {
  Lineage lines;
  const auto image = lines.image(kConfig, kLayer, kApp, false);
  CHECK(lines.kin(kLayer).empty());
  lines.store.reopen();
  CHECK(lines.kin(kLayer).empty());
  REQUIRE(lines.store.commit([](IndexWriter& writer) { return writer.put_meta("lineage", ""); }).ok());
  lines.store.clock.advance(std::chrono::hours(1));
  lines.store.reopen();
  const auto kin = lines.kin(kLayer);
  REQUIRE(kin.size() == 1);
  CHECK(kin[0].digest == image);
  CHECK(kin[0].first_seen == 1'000'000'000);  // when it was stored
}

TEST_CASE("what cannot be read while it is entered is entered at the next start") {
  Lineage lines;
  lines.image(kConfig, kLayer, kApp, false);
  REQUIRE(lines.store.commit([](IndexWriter& writer) { return writer.put_meta("lineage", ""); }).ok());
  lines.store.disk.fail("read blobs", EIO);
  lines.store.reopen();
  CHECK(lines.kin(kLayer).empty());
  lines.store.disk.fail("", 0);
  lines.store.reopen();
  CHECK(lines.kin(kLayer).size() == 1);
}

TEST_CASE("a store of schema 2 learns which tags mean a digest") {
  const Scratch scratch;
  const ManualClock clock;
  const auto digest = sha256_of("manifest");
  {
    const auto environment = LmdbEnvironment::open(
        {.directory = scratch.path(), .tables = {"meta", "blobs", "links", "linked_by", "tags"}, .durable = false});
    REQUIRE(environment.ok());
    WriteTransaction transaction(**environment);
    std::string two;
    records::put_number(two, 2);
    REQUIRE(transaction.put(kMeta, "schema", two).ok());
    const Link link{Link::Kind::manifest, 8, std::string(media_type::kOciManifest)};
    REQUIRE(transaction.put(kLinks, records::pair_key("up.io/app", records::digest_key(digest)), records::encode(link)).ok());
    for (const char* tag : {"v1", "v2"})
      REQUIRE(transaction.put(kTags, records::pair_key("up.io/app", tag), records::encode(TagRecord{digest, 7})).ok());
    REQUIRE(transaction.commit().ok());
  }
  const auto index = Index::open(clock, {.directory = scratch.path(), .durable = false});
  REQUIRE(index.ok());
  std::vector<std::string> tags;
  each_kin(**index, "up.io/app", digest, [&tags](const Kin& kin) {
    tags = kin.tags;
    return true;
  });
  CHECK(tags == std::vector<std::string>{"v1", "v2"});
  CHECK_FALSE((*index)->seen(digest));
}

TEST_CASE("a digest is first seen once, by itself or through an index, and outlives its bytes") {
  Lineage lines;
  const auto image = lines.image(kConfig, kLayer);
  lines.store.clock.advance(std::chrono::hours(1));
  lines.image(kConfig, kLayer, kElsewhere);
  CHECK(lines.kin(image)[0].first_seen == 1'000'000'000);
  CHECK(lines.kin(image, kElsewhere)[0].first_seen == 1'000'000'000);
  const auto late = sha256_of("late");
  const auto child = lines.image(sha256_of("c"), late);
  lines.store.clock.advance(std::chrono::hours(1));
  lines.index_of(child, "");
  CHECK(lines.kin(late)[0].first_seen == 1'000'003'600);
  REQUIRE(lines.store.commit([&](IndexWriter& writer) { return writer.remove_blob(image); }).ok());
  lines.store.reopen();
  CHECK(lines.store.index().seen(image)->first == 1'000'000'000);
}

TEST_CASE("what is held when a quarantine begins was seen long ago, what comes later was not") {
  Lineage lines;
  const auto before = lines.image(kConfig, kLayer);
  REQUIRE(begin_quarantine(*lines.store.blobs).ok());
  const auto after = lines.image(sha256_of("c2"), sha256_of("l2"));
  REQUIRE(begin_quarantine(*lines.store.blobs).ok());
  CHECK(lines.kin(before)[0].first_seen == 0);
  CHECK(lines.kin(after)[0].first_seen == 1'000'000'000);
}

TEST_CASE("what is released need not wait, nor what it refers to") {
  Lineage lines;
  const auto image = lines.image(kConfig, kLayer);
  const auto index = lines.index_of(image, kArm);
  REQUIRE(release_digest(lines.store.index(), index).ok());
  CHECK(lines.kin(index)[0].first_seen == 0);
  CHECK(lines.kin(image)[0].first_seen == 0);
  CHECK(lines.kin(kLayer)[0].first_seen == 0);
  const auto unknown = sha256_of("unknown");
  REQUIRE(release_digest(lines.store.index(), unknown).ok());
  CHECK(lines.store.index().seen(unknown)->released == 1'000'000'000);
}

TEST_CASE("what two images share goes after what each has for itself, while both are held") {
  Lineage lines;
  lines.store.index().set_capacity(1);
  const auto base = lines.blob("base"), one = lines.blob("one"), two = lines.blob("two");
  const auto first = lines.image(one, base), second = lines.image(two, base);
  CHECK(lines.evict(2) == std::vector<Digest>{one, two});
  CHECK(lines.evict(3) == std::vector<Digest>{first, second, base});

  // Of two images one has gone: what is left has its blobs for itself.
  const auto old_base = lines.blob("base, again"), three = lines.blob("three");
  const auto gone = lines.image(sha256_of("never came"), old_base);
  lines.image(three, old_base);
  REQUIRE(lines.store.commit([&](IndexWriter& writer) { return writer.remove_blob(gone); }).ok());
  CHECK(lines.evict(2) == std::vector<Digest>{old_base, three});
}

TEST_CASE("an image in two repositories is one image") {
  Lineage lines;
  lines.store.index().set_capacity(1);
  const auto base = lines.blob("base"), one = lines.blob("one");
  for (const auto& name : {kApp, kElsewhere}) {
    lines.image(one, base, name);
    REQUIRE(lines.store.commit([&](IndexWriter& writer) { return writer.link(name, base, {}); }).ok());
  }
  CHECK(lines.evict(1) == std::vector<Digest>{base});
}
