#pragma once
// Lineage: by which manifests of a repository, and by which of its tags, a digest can be come to. The index's tables `tagged`,
// `referred_by`, `manifests` and `first_seen` are written and read here.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/blob_store.h"
#include "cache/index.h"

namespace weir {

// A manifest of the repository by which the digest is to be judged.
struct Kin {
  Digest digest;
  std::vector<std::string> tags;              // that lead to it, itself or through an index
  std::optional<ManifestRecord> record;       // nothing: it never came
  std::optional<std::string> platform;        // as an index above it says; empty: that it has none; nothing: none says
  std::optional<WallSeconds> first_seen;      // by it or by what is above it, the earliest; 0: long ago, or released
};

// The digest itself where it is a manifest there, else each manifest that refers to it, until `visit` says false. A repository
// that is not linked to a manifest does not know it. Thread: any; reads memory, and of the disk what is not in it.
void each_kin(const Index& index, std::string_view repository, const Digest& digest, const std::function<bool(const Kin&)>& visit);

// What is held since before the tables were there is read once and entered; after that it costs one look.
Status complete_lineage(BlobStore& store);

// What the store holds was seen long ago; the first time this is called, and never again.
Status begin_quarantine(BlobStore& store);

// A digest need not wait any more. Error: io.
Status release_digest(Index& index, const Digest& digest);

}  // namespace weir
