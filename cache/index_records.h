#pragma once
// The rows of the index: what their values are, and how keys and values are written. docs/storage.md draws the tables.
//
// Digests as keys: one byte for the algorithm, then the raw digest. Numbers in values are little-endian, in keys
// big-endian, so that they sort. Values may grow at their end: what an older program wrote reads with zeros there.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lmdb.h"
#include "cache/eviction.h"
#include "oci/digest.h"

namespace weir {

enum IndexTable : Table {
  kMeta,
  kBlobs,
  kLinks,
  kLinkedBy,
  kTags,
  kSmall,
  kMain,
  kGhosts,
  kGhostQueue,
  kUnsettled,
  kPins,
  kReferredBy,
  kTagged,
  kManifests,
  kFirstSeen
};

struct BlobRecord {
  std::uint64_t size = 0;
  WallSeconds stored_at = 0;
  WallSeconds last_used = 0;    // to ten minutes
  WallSeconds verified_at = 0;  // when its bytes were last hashed; 0: never by us
  std::uint64_t generation = 0;  // of all that were ever stored; the same digest stored anew has another
  bool last_copy = false;        // its upstream has said that it has it no more
};

struct Link {
  enum class Kind : unsigned char { blob, manifest };
  Kind kind = Kind::blob;
  std::optional<std::uint64_t> size;  // as the descriptor or the upstream said it
  std::string media_type;             // of a manifest; empty where only a parent's descriptor is known
  // The repository has shown that it may serve these bytes: they came through it with this digest, or its upstream gave the same.
  // False: a manifest of the repository refers to them, which proves nothing. Only proven links give hits.
  bool proven = false;
};

struct TagRecord {
  Digest digest;
  WallSeconds checked_at = 0;  // when the upstream last said so
};

// What a rule may want to know of a manifest, beside its bytes.
struct ManifestRecord {
  std::uint64_t layer_bytes = 0;
  std::string media_type;
  std::optional<Digest> config;         // of an image
  std::vector<std::string> platforms;   // of an index: those it has
};

struct SeenRecord {
  WallSeconds first = 0;     // 0: before anybody noted it
  WallSeconds released = 0;  // when a person said that it need not wait; 0: nobody did
};

// What the disk gives to a file of `size` bytes; budgets and eviction count in this.
constexpr std::uint64_t room_of(std::uint64_t size) {
  constexpr std::uint64_t kBlock = 4096;
  return size == 0 ? kBlock : size > UINT64_MAX - kBlock ? size : (size + kBlock - 1) / kBlock * kBlock;
}

namespace records {

// Values of `linked_by`.
inline constexpr std::string_view kClaimedLink = "", kProvenLink = "\1";

std::string digest_key(const Digest& digest);
std::optional<Digest> digest_of(std::string_view key);
std::string pair_key(std::string_view first, std::string_view second);
std::pair<std::string_view, std::string_view> split_pair(std::string_view key);
std::string sequence_key(std::uint64_t sequence);
std::optional<std::uint64_t> sequence_of(std::string_view key);

std::string number_text(std::uint64_t number);
void put_number(std::string& out, std::uint64_t number);
std::uint64_t number_at(std::string_view value, std::size_t offset);

// A row of `blobs`: the record, and its place in a queue of the eviction; nothing: it has none yet.
struct BlobRow {
  BlobRecord blob;
  struct Place {
    EvictionQueue queue = EvictionQueue::small;
    std::uint8_t uses = 0;
    bool spared = false;
    std::uint64_t sequence = 0;
  };
  std::optional<Place> place;
};
std::string encode(const BlobRow& row);
BlobRow decode_blob(std::string_view value);

std::string encode(const Link& link);
Link decode_link(std::string_view value);
std::string encode(const TagRecord& record);
std::optional<TagRecord> decode_tag(std::string_view value);
std::string encode(const ManifestRecord& record);
std::optional<ManifestRecord> decode_manifest(std::string_view value);
std::string encode(const SeenRecord& record);
SeenRecord decode_seen(std::string_view value);
std::string encode(const EvictionState& state);
EvictionState decode_state(std::string_view value);

// Rows, and sums in `meta`, as they are now.
inline constexpr std::string_view kBlobBytes = "blob-bytes", kLastCopies = "last-copies";
std::optional<BlobRow> find_row(const LmdbTransaction& transaction, std::string_view key);
std::optional<BlobRecord> find_blob(const LmdbTransaction& transaction, std::string_view key);
std::optional<Link> find_link(const LmdbTransaction& transaction, std::string_view repository, std::string_view digest);
std::uint64_t sum_of(const LmdbTransaction& transaction, std::string_view name);
EvictionState eviction_state(const LmdbTransaction& transaction);

}  // namespace records
}  // namespace weir
