#include "cache/lineage.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "oci/media_type.h"

namespace weir {
namespace {

// More than any image has above it.
constexpr std::size_t kMostAbove = 1000;
// After so many looks for a second one that is held a blob is taken to be shared: a search in a transaction has an end.
constexpr std::size_t kMostParents = 64;
constexpr std::size_t kLineageBatch = 200;  // manifests entered in one transaction
constexpr std::string_view kLineage = "lineage", kQuarantine = "quarantine";

using records::digest_key;
using records::digest_of;
using records::pair_key;

bool is_manifest_there(const LmdbTransaction& tables, std::string_view repository, std::string_view key) {
  const auto value = tables.get(kLinks, pair_key(repository, key));
  return value && records::decode_link(*value).kind == Link::Kind::manifest;
}

struct Above {
  std::string key, platform;
};

// The manifests of the repository that refer to it, by their keys. A link that went takes its manifest from these.
std::vector<Above> above(const LmdbTransaction& tables, std::string_view repository, std::string_view key, std::size_t most) {
  std::vector<Above> found;
  const auto prefix = pair_key(repository, key);
  tables.scan(kReferredBy, prefix, prefix, [&](std::string_view row, std::string_view platform) {
    found.push_back({std::string(row.substr(prefix.size())), std::string(platform)});
    return found.size() < most;
  });
  std::erase_if(found, [&](const Above& one) { return !is_manifest_there(tables, repository, one.key); });
  return found;
}

std::optional<WallSeconds> seen_at(const LmdbTransaction& tables, std::string_view key) {
  const auto value = tables.get(kFirstSeen, key);
  if (!value) return std::nullopt;
  const auto record = records::decode_seen(*value);
  return record.released != 0 ? 0 : record.first;
}

std::optional<Kin> kin_of(const LmdbTransaction& tables, std::string_view repository, std::string_view key) {
  const auto digest = digest_of(key);
  if (!digest) return std::nullopt;
  Kin kin{*digest, {}, std::nullopt, std::nullopt, std::nullopt};
  if (const auto value = tables.get(kManifests, key)) kin.record = records::decode_manifest(*value);
  std::set<std::string> seen{std::string(key)};
  std::vector<std::string> to_do{std::string(key)};
  while (!to_do.empty()) {
    const auto one = std::move(to_do.back());
    to_do.pop_back();
    if (const auto tags = tables.get(kTagged, pair_key(repository, one))) {
      for (const auto tag : split(*tags, '\n')) kin.tags.emplace_back(tag);
    }
    if (const auto first = seen_at(tables, one); first && (!kin.first_seen || *first < *kin.first_seen)) kin.first_seen = first;
    if (seen.size() >= kMostAbove) continue;
    for (auto& up : above(tables, repository, one, kMostAbove)) {
      // Of several indexes that say something the first one counts.
      if (one == key && (!kin.platform || kin.platform->empty())) kin.platform = up.platform;
      if (seen.insert(up.key).second) to_do.push_back(std::move(up.key));
    }
  }
  return kin;
}

// What is held of the manifests that are linked, in batches: `enter` is called for each in a transaction. Ok: for all of them.
Status enter_held(BlobStore& store,
                  const std::function<Status(IndexWriter&, const std::string&, const Digest&, const Link&)>& enter) {
  struct Row {
    std::string repository;
    Digest digest;
    Link link;
  };
  Index& index = store.index();
  std::vector<Row> rows;
  auto status = ok_status();
  const auto write = [&] {
    status = index.commit_and_wait([&](IndexWriter& writer) -> Status {
      for (const auto& row : rows) {
        if (auto entered = enter(writer, row.repository, row.digest, row.link); !entered) return entered;
      }
      return ok_status();
    });
    rows.clear();
  };
  index.each_link("", [&](std::string_view repository, const Digest& digest, const Link& link) {
    if (!status || link.kind != Link::Kind::manifest || !index.blob(digest)) return;
    rows.push_back({std::string(repository), digest, link});
    if (rows.size() >= kLineageBatch) write();
  });
  if (status) write();
  if (status && index.damaged()) return Error{Failure::corrupt, Side::local, false, "the index is damaged"};
  return status;
}

Status mark_done(Index& index, std::string_view what) {
  return index.commit_and_wait([what](IndexWriter& writer) { return writer.put_meta(what, "1"); });
}

}  // namespace

// ---- written ------------------------------------------------------------------------------------

Status IndexWriter::unlink(std::string_view repository, const Digest& digest) {
  const auto key = digest_key(digest);
  const auto prefix = pair_key(repository, key);
  std::vector<std::string> above;
  transaction_.scan(kReferredBy, prefix, prefix, [&](std::string_view row, std::string_view) {
    above.emplace_back(row);
    return true;
  });
  for (const auto& row : above) {
    if (auto status = transaction_.remove(kReferredBy, row); !status) return status;
  }
  if (auto status = transaction_.remove(kLinks, prefix); !status) return status;
  return transaction_.remove(kLinkedBy, key + std::string(repository));
}

// The tags of a digest, one a line.
Status IndexWriter::retag(std::string_view repository, std::string_view tag, const Digest& digest, bool has) {
  const auto key = pair_key(repository, digest_key(digest));
  const std::string old(transaction_.get(kTagged, key).value_or(""));
  std::string tags;
  for (const auto each : split(old, '\n')) {
    if (each.empty() || each == tag) continue;
    tags.append(tags.empty() ? "" : "\n").append(each);
  }
  if (has) tags.append(tags.empty() ? "" : "\n").append(tag);
  return tags.empty() ? transaction_.remove(kTagged, key) : transaction_.put(kTagged, key, tags);
}

Status IndexWriter::put_tag(std::string_view repository, std::string_view tag, const TagRecord& record) {
  const auto key = pair_key(repository, tag);
  const auto value = transaction_.get(kTags, key);
  const auto old = value ? records::decode_tag(*value) : std::nullopt;
  if (old && old->digest != record.digest) {
    if (auto status = retag(repository, tag, old->digest, false); !status) return status;
  }
  const auto tags = split(transaction_.get(kTagged, pair_key(repository, digest_key(record.digest))).value_or(""), '\n');
  if (std::ranges::find(tags, tag) == tags.end()) {
    if (auto status = retag(repository, tag, record.digest, true); !status) return status;
  }
  return transaction_.put(kTags, key, records::encode(record));
}

Status IndexWriter::remove_tag(std::string_view repository, std::string_view tag) {
  const auto key = pair_key(repository, tag);
  const auto value = transaction_.get(kTags, key);
  if (const auto old = value ? records::decode_tag(*value) : std::nullopt) {
    if (auto status = retag(repository, tag, old->digest, false); !status) return status;
  }
  return transaction_.remove(kTags, key);
}

Status IndexWriter::put_manifest(std::string_view repository, const Digest& digest, const Manifest& manifest) {
  const auto key = digest_key(digest);
  // What it refers to, its size and its platforms are unknown then: it has no record.
  if (!manifest.linkable) {
    if (auto status = transaction_.remove(kManifests, key); !status) return status;
    return seen(digest) ? ok_status() : put_seen(digest, {now_, 0});
  }
  ManifestRecord record{manifest.layer_bytes(), manifest.media_type, std::nullopt, {}};
  if (!media_type::is_index(manifest.media_type)) record.config = manifest.blobs[0].digest;
  for (const auto* children : {&manifest.blobs, &manifest.manifests}) {
    for (const auto& child : *children) {
      if (auto status = transaction_.put(kReferredBy, pair_key(repository, digest_key(child.digest)) + key, child.platform); !status)
        return status;
      const bool known = std::ranges::find(record.platforms, child.platform) != record.platforms.end();
      if (!child.platform.empty() && !known) record.platforms.push_back(child.platform);
    }
  }
  if (auto status = transaction_.put(kManifests, key, records::encode(record)); !status) return status;
  return seen(digest) ? ok_status() : put_seen(digest, {now_, 0});
}

std::optional<SeenRecord> IndexWriter::seen(const Digest& digest) const {
  const auto value = transaction_.get(kFirstSeen, digest_key(digest));
  if (!value) return std::nullopt;
  return records::decode_seen(*value);
}

Status IndexWriter::put_seen(const Digest& digest, const SeenRecord& record) {
  return transaction_.put(kFirstSeen, digest_key(digest), records::encode(record));
}

bool IndexWriter::shared(const Digest& digest) const {
  const auto key = digest_key(digest);
  std::string first;  // that is held; it may refer to it in several repositories
  std::size_t looked = 0;
  bool shared = false;
  return linked_where(digest, [&](std::string_view repository) {
    const auto prefix = pair_key(repository, key);
    transaction_.scan(kReferredBy, prefix, prefix, [&](std::string_view row, std::string_view) {
      const auto manifest = row.substr(prefix.size());
      if (manifest != first && transaction_.get(kBlobs, manifest)) {
        shared = !first.empty();
        first = manifest;
      }
      shared = shared || ++looked >= kMostParents;
      return !shared;
    });
    return shared || ++looked >= kMostParents;
  });
}

// ---- read ---------------------------------------------------------------------------------------

void each_kin(const Index& index, std::string_view repository, const Digest& digest, const std::function<bool(const Kin&)>& visit) {
  const auto key = digest_key(digest);
  std::vector<Above> keys;
  index.look([&](const LmdbTransaction& tables) {
    if (is_manifest_there(tables, repository, key)) keys.push_back({key, ""});
    else keys = above(tables, repository, key, kMostAbove);
  });
  for (const auto& one : keys) {
    std::optional<Kin> kin;
    index.look([&](const LmdbTransaction& tables) { kin = kin_of(tables, repository, one.key); });
    if (kin && !visit(*kin)) return;
  }
}

Status complete_lineage(BlobStore& store) {
  if (!store.index().meta(kLineage).empty()) return ok_status();
  bool all = true;  // else the next start tries again
  const auto entered = enter_held(
      store, [&store, &all](IndexWriter& writer, const std::string& repository, const Digest& digest, const Link& link) -> Status {
        const auto record = writer.blob(digest);
        if (!record || record->size > Manifest::kMostBytes) return ok_status();
        const auto bytes = store.read_blob(digest, *record);
        if (!bytes) {
          all = all && bytes.error().failure != Failure::io && bytes.error().failure != Failure::overloaded;
          return ok_status();
        }
        const auto manifest = Manifest::parse(**bytes, link.media_type);
        if (!manifest) return ok_status();
        const auto known = writer.seen(digest);
        if (auto status = writer.put_manifest(repository, digest, *manifest); !status) return status;
        return known ? ok_status() : writer.put_seen(digest, {record->stored_at, 0});
      });
  return entered && all ? mark_done(store.index(), kLineage) : entered;
}

Status begin_quarantine(BlobStore& store) {
  if (!store.index().meta(kQuarantine).empty()) return ok_status();
  const auto entered = enter_held(store, [](IndexWriter& writer, const std::string&, const Digest& digest, const Link&) {
    return writer.put_seen(digest, {0, writer.seen(digest).value_or(SeenRecord{}).released});
  });
  return entered ? mark_done(store.index(), kQuarantine) : entered;
}

Status release_digest(Index& index, const Digest& digest) {
  return index.commit_and_wait([&digest](IndexWriter& writer) {
    auto record = writer.seen(digest).value_or(SeenRecord{writer.now(), 0});
    record.released = writer.now();
    return writer.put_seen(digest, record);
  });
}

void Index::each_seen(const std::function<void(const Digest&, const SeenRecord&)>& visit) const {
  // Small rows of which there are as many as manifests.
  std::vector<std::pair<Digest, SeenRecord>> rows;
  look([&rows](const LmdbTransaction& tables) {
    tables.scan(kFirstSeen, "", "", [&rows](std::string_view key, std::string_view value) {
      if (auto digest = digest_of(key)) rows.emplace_back(*std::move(digest), records::decode_seen(value));
      return true;
    });
  });
  for (const auto& [digest, record] : rows) visit(digest, record);
}

std::optional<SeenRecord> Index::seen(const Digest& digest) const {
  const ReadTransaction tables(*environment_);
  const auto value = tables.get(kFirstSeen, digest_key(digest));
  if (!value) return std::nullopt;
  return records::decode_seen(*value);
}

}  // namespace weir
