#include "cache/purge.h"

#include <map>
#include <set>

#include "cache/closure.h"

namespace weir {
namespace {

using Digests = std::set<Digest>;

void add_closure(BlobStore& store, const std::string& repository, const Digest& root, Digests& into) {
  weir::add_closure(store.index(), store.disk(), store.layout(), repository, root, into);
}

// Unlinks and, where no other repository is linked, forgets the bytes.
Result<PurgeResult> drop(BlobStore& store, const std::vector<std::pair<std::string, std::string>>& tags,
                         const std::vector<std::pair<std::string, Digest>>& links) {
  PurgeResult result;
  result.tags = tags.size();
  result.links = links.size();
  std::map<Digest, std::set<std::string>> left;
  for (const auto& [repository, digest] : links) {
    if (!left.contains(digest)) {
      const auto all = store.index().repositories_of(digest);
      left[digest] = std::set<std::string>(all.begin(), all.end());
    }
    left[digest].erase(repository);
  }
  std::vector<Digest> gone;
  for (const auto& [digest, repositories] : left) {
    const auto record = store.index().blob(digest);
    if (!repositories.empty() || !record) continue;
    gone.push_back(digest);
    result.bytes += record->size;
  }
  result.blobs = gone.size();
  auto status = store.index().commit_and_wait([&](IndexWriter& writer) -> Status {
    for (const auto& [repository, tag] : tags) {
      if (auto removed = writer.remove_tag(repository, tag); !removed) return removed;
    }
    for (const auto& [repository, digest] : links) {
      if (auto removed = writer.unlink(repository, digest); !removed) return removed;
    }
    for (const auto& digest : gone) {
      if (auto removed = writer.remove_blob(digest); !removed) return removed;
    }
    return ok_status();
  });
  if (!status) return std::move(status).error();
  // The record is gone first: a file without one is never served.
  for (const auto& digest : gone) store.open_files().forget(digest);
  if (auto removed = store.unsettled().remove_files(gone); !removed) return std::move(removed).error();
  return result;
}

}  // namespace

Result<PurgeResult> purge(BlobStore& store, const std::string& repository, const std::optional<Reference>& reference) {
  const Index& index = store.index();
  const std::string prefix = repository + '\0';
  std::map<Digest, Link> links;
  std::map<std::string, Digest> tags;
  index.each_link(prefix, [&](std::string_view, const Digest& digest, const Link& link) { links.emplace(digest, link); });
  index.each_tag(prefix,
                 [&](std::string_view, std::string_view tag, const TagRecord& record) { tags.emplace(tag, record.digest); });

  std::vector<std::pair<std::string, std::string>> dropped_tags;
  std::vector<std::pair<std::string, Digest>> dropped_links;
  if (!reference) {
    for (const auto& [tag, digest] : tags) dropped_tags.emplace_back(repository, tag);
    for (const auto& [digest, link] : links) dropped_links.emplace_back(repository, digest);
  } else {
    std::optional<Digest> root;
    if (reference->digest()) root = *reference->digest();
    else if (const auto found = tags.find(reference->tag()->text()); found != tags.end()) root = found->second;
    if (!root || (!links.contains(*root) && reference->digest())) {
      return Error{Failure::not_found, Side::client, false, "nothing is known of " + repository + " " + reference->text()};
    }
    Digests candidates, kept;
    add_closure(store, repository, *root, candidates);
    for (const auto& [tag, digest] : tags) {
      const bool named = reference->tag() ? tag == reference->tag()->text() : digest == *root;
      if (named) dropped_tags.emplace_back(repository, tag);
      else add_closure(store, repository, digest, kept);
    }
    for (const auto& [digest, link] : links) {
      if (link.kind == Link::Kind::manifest && !candidates.contains(digest)) add_closure(store, repository, digest, kept);
    }
    for (const auto& digest : candidates) {
      if (!kept.contains(digest) && links.contains(digest)) dropped_links.emplace_back(repository, digest);
    }
  }
  if (dropped_tags.empty() && dropped_links.empty()) {
    return Error{Failure::not_found, Side::client, false, "nothing is known of " + repository};
  }
  return drop(store, dropped_tags, dropped_links);
}

Result<PurgeResult> purge_digest(BlobStore& store, const Digest& digest) {
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::pair<std::string, Digest>> links;
  store.index().each_tag("", [&](std::string_view repository, std::string_view tag, const TagRecord& record) {
    if (record.digest == digest) tags.emplace_back(repository, tag);
  });
  for (const auto& repository : store.index().repositories_of(digest)) links.emplace_back(repository, digest);
  if (links.empty()) return Error{Failure::not_found, Side::client, false, "nothing is known of " + digest.text()};
  return drop(store, tags, links);
}

}  // namespace weir
