#include "cache/purge.h"

#include "oci/media_type.h"
#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const std::string kRepository = "docker.io/library/alpine";
const Name kPurged = name_of(kRepository), kNotPurged = name_of("quay.io/other");

// Images made of blobs and manifests, stored and linked as a pull would.
struct Images {
  Store store;

  Digest blob(const std::string& bytes, const Name& name = kPurged) { return store.put(bytes, links(name, sha256_of(bytes))); }
  Digest manifest(const std::vector<Digest>& layers, const Name& name = kPurged) {
    std::string list;
    for (std::size_t i = 1; i < layers.size(); ++i) list += (i > 1 ? "," : "") + described(layers[i]);
    return stored(R"({"config":)" + described(layers[0]) + R"(,"layers":[)" + list + "]}", media_type::kOciManifest, name);
  }
  Digest index(const std::vector<Digest>& manifests, const Name& name = kPurged) {
    std::string list;
    for (std::size_t i = 0; i < manifests.size(); ++i) list += (i > 0 ? "," : "") + described(manifests[i]);
    return stored(R"({"manifests":[)" + list + "]}", media_type::kOciIndex, name);
  }
  void tag(const std::string& text, const Digest& digest, const Name& name = kPurged) {
    REQUIRE(store.commit([=](IndexWriter& writer) { return writer.put_tag(name, tag_of(text), {digest, 0}); }).ok());
  }
  Result<PurgeResult> purge(const std::string& reference = "") {
    std::optional<Reference> parsed;
    if (!reference.empty()) parsed = Reference::parse(reference).value();
    return weir::purge(*store.blobs, kRepository, parsed);
  }
  bool held(const Digest& digest) {
    return store.index().blob(digest).has_value() && exists(store.scratch.file(store.file_of(digest)));
  }
  bool gone(const Digest& digest) { return !store.index().blob(digest) && !exists(store.scratch.file(store.file_of(digest))); }

 private:
  static std::string described(const Digest& digest) { return R"({"digest":")" + digest.text() + R"(","size":1})"; }
  Digest stored(const std::string& bytes, std::string_view type, const Name& name) {
    const auto digest = sha256_of(bytes);
    return store.put(bytes, [=](IndexWriter& writer) {
      return writer.link(name, digest, {Link::Kind::manifest, bytes.size(), std::string(type)});
    });
  }
};

}  // namespace

TEST_CASE("purging a repository forgets its tags, its links and the bytes that only it had") {
  Images images;
  const auto own = images.blob("own"), shared = images.blob("shared");
  images.blob("shared", kNotPurged);
  const auto manifest = images.manifest({own, shared});
  images.tag("1", manifest);
  images.tag("2", manifest);
  const auto result = images.purge();
  REQUIRE(result.ok());
  CHECK(result->tags == 2);
  CHECK(result->links == 3);
  CHECK(result->blobs == 2);
  CHECK(images.gone(own));
  CHECK(images.gone(manifest));
  CHECK(images.held(shared));
  CHECK(linked(images.store.index(), kNotPurged, shared));
  CHECK_FALSE(linked(images.store.index(), kPurged, shared));
  CHECK(images.store.index().totals().tags == 0);
}

TEST_CASE("a repository whose name begins like another's is left alone") {
  Images images;
  const auto mine = images.blob("mine"), longer = images.blob("longer", name_of(kRepository + "-edge")),
             below = images.blob("below", name_of(kRepository + "/x"));
  REQUIRE(images.purge().ok());
  CHECK(images.gone(mine));
  CHECK(images.held(longer));
  CHECK(images.held(below));
}

TEST_CASE("purging a tag takes its manifest and what only that one refers to") {
  Images images;
  const auto base = images.blob("base"), first = images.blob("first"), second = images.blob("second"),
             config = images.blob("config");
  const auto one = images.manifest({config, base, first}), two = images.manifest({config, base, second});
  images.tag("1", one);
  images.tag("2", two);
  const auto result = images.purge("1");
  REQUIRE(result.ok());
  CHECK(result->tags == 1);
  CHECK(result->links == 2);
  CHECK(images.gone(one));
  CHECK(images.gone(first));
  for (const auto& kept : {two, base, second, config}) CHECK(images.held(kept));
  CHECK_FALSE(images.store.index().tag(kPurged, tag_of("1")));
  CHECK(images.store.index().tag(kPurged, tag_of("2")));
}

TEST_CASE("what another tag names stays, though the purged one named it too") {
  Images images;
  const auto config = images.blob("config"), manifest = images.manifest({config});
  images.tag("1", manifest);
  images.tag("also", manifest);
  const auto result = images.purge("1");
  REQUIRE(result.ok());
  CHECK(result->tags == 1);
  CHECK(result->links == 0);
  CHECK(images.held(manifest));
  CHECK(images.held(config));
}

TEST_CASE("an index takes its manifests and theirs, but not those another index needs") {
  Images images;
  const auto a = images.blob("a"), b = images.blob("b"), c = images.blob("c");
  const auto amd64 = images.manifest({a}), arm64 = images.manifest({b}), riscv = images.manifest({c});
  const auto one = images.index({amd64, arm64}), two = images.index({arm64, riscv});
  images.tag("1", one);
  images.tag("2", two);
  REQUIRE(images.purge("1").ok());
  for (const auto& lost : {one, amd64, a}) CHECK(images.gone(lost));
  for (const auto& kept : {two, arm64, riscv, b, c}) CHECK(images.held(kept));
}

TEST_CASE("an index of which not all children are held can be purged") {
  Images images;
  const auto layer = images.blob("layer"), child = images.manifest({layer});
  const auto root = images.index({child, some_digest()});
  images.tag("1", root);
  REQUIRE(images.purge("1").ok());
  for (const auto& lost : {root, child, layer}) CHECK(images.gone(lost));
}

TEST_CASE("purging a digest of a repository takes the tags that name it") {
  Images images;
  const auto config = images.blob("config"), manifest = images.manifest({config});
  images.tag("1", manifest);
  images.tag("2", manifest);
  const auto result = images.purge(manifest.text());
  REQUIRE(result.ok());
  CHECK(result->tags == 2);
  CHECK(images.gone(manifest));
  CHECK(images.gone(config));
}

TEST_CASE("purging a tag whose manifest is not held forgets the tag") {
  Images images;
  images.tag("1", some_digest());
  const auto result = images.purge("1");
  REQUIRE(result.ok());
  CHECK(result->tags == 1);
  CHECK(result->blobs == 0);
  CHECK(images.store.index().totals().tags == 0);
}

TEST_CASE("what is not known cannot be purged") {
  Images images;
  images.blob("x", kNotPurged);
  for (const std::string& reference : {std::string(), std::string("latest"), some_digest().text()}) {
    const auto result = images.purge(reference);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().failure == Failure::not_found);
  }
  const auto nowhere = purge_digest(*images.store.blobs, some_digest());
  REQUIRE_FALSE(nowhere.ok());
  CHECK(nowhere.error().failure == Failure::not_found);
}

TEST_CASE("one digest is purged from every repository, with the tags that name it") {
  Images images;
  const auto config = images.blob("config"), manifest = images.manifest({config});
  images.manifest({config}, kNotPurged);
  images.tag("1", manifest);
  images.tag("1", manifest, kNotPurged);
  const auto result = purge_digest(*images.store.blobs, manifest);
  REQUIRE(result.ok());
  CHECK(result->tags == 2);
  CHECK(result->links == 2);
  CHECK(result->blobs == 1);
  CHECK(images.gone(manifest));
  CHECK(images.held(config));
}

TEST_CASE("the record goes before the file, and the result says how many bytes went") {
  Images images;
  const auto layer = images.blob("four");
  bool record_first = false;
  images.store.disk.watch([&](const std::string& line) {
    if (line.starts_with("remove ")) record_first = !images.store.index().blob(layer);
  });
  const auto result = images.purge();
  images.store.disk.watch(nullptr);
  REQUIRE(result.ok());
  CHECK(record_first);
  CHECK(result->bytes == 4);
}
