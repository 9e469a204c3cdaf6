#pragma once
// IndexWriter: what one transaction of the index changes; each change keeps all its tables true to each other.
//
// Thread: the index's writer.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/lmdb.h"
#include "cache/eviction_tables.h"
#include "cache/index_records.h"
#include "oci/manifest.h"
#include "oci/name.h"
#include "oci/reference.h"

namespace weir {

// The writes of one transaction. Only inside Index::submit.
class IndexWriter {
 public:
  // `capacity`: what the queues' shares are shares of.
  IndexWriter(WriteTransaction& transaction, WallSeconds now, std::uint64_t capacity);
  WallSeconds now() const noexcept { return now_; }

  std::optional<BlobRecord> blob(const Digest& digest) const;
  // Whole bytes are there: the record, its place in a queue, and nothing unsettled any more.
  Status put_blob(const Digest& digest, BlobRecord record);
  // The record goes, and the digest is unsettled until its file is gone too.
  Status remove_blob(const Digest& digest);
  // Another record for a blob that has one; its place stays.
  Status update_blob(const Digest& digest, const BlobRecord& record);
  // The blob is used: at most once in ten minutes that is written.
  Status use_blob(std::string_view key);

  struct Victim {
    Digest digest;
    std::uint64_t size = 0;  // in room_of()
  };
  struct Shrunk {
    Eviction::Shrunk::End end = Eviction::Shrunk::End::done;
    std::vector<Victim> victims;
  };
  using Keep = std::function<bool(const Digest&, const BlobRecord&)>;
  // Lets blobs go until at most `room` is held, as Eviction::shrink(); their records are gone, as by remove_blob(). A blob that
  // two manifests refer to that are held is shared. `kept` goes on from one call to the next of a search, and begins with 0.
  Result<Shrunk> shrink(std::uint64_t room, const Keep& keep, std::uint64_t steps, std::uint64_t& kept);

  // The note that a digest is unsettled, if it is. A new one takes the place of an old one; who forgets says which he means.
  std::optional<std::uint64_t> unsettled(const Digest& digest) const;
  Status note_unsettled(const Digest& digest);
  Status forget_unsettled(const Digest& digest, std::uint64_t note);

  // Adds what is known: a media type, a size and a proof that are already there stay.
  Status link(const Name& repository, const Digest& digest, Link link) {
    return this->link(repository.text(), digest, std::move(link));
  }
  Status link(std::string_view repository, const Digest& digest, Link link);
  Status unlink(std::string_view repository, const Digest& digest);
  Status put_tag(const Name& repository, const Tag& tag, const TagRecord& record) {
    return put_tag(repository.text(), tag.text(), record);
  }
  Status put_tag(std::string_view repository, std::string_view tag, const TagRecord& record);
  Status remove_tag(std::string_view repository, std::string_view tag);
  // What a manifest of the repository refers to, and what rules may want to know of it; and that it was seen, if never before.
  Status put_manifest(std::string_view repository, const Digest& digest, const Manifest& manifest);
  std::optional<SeenRecord> seen(const Digest& digest) const;
  Status put_seen(const Digest& digest, const SeenRecord& record);
  // Whether a repository that is linked to it is what `wanted` asks for.
  bool linked_where(const Digest& digest, const std::function<bool(std::string_view repository)>& wanted) const;

  Status put_pin(std::string_view pattern, WallSeconds since);
  Status remove_pin(std::string_view pattern) { return transaction_.remove(kPins, pattern); }
  // Small facts of other parts, by their own name.
  Status put_meta(std::string_view name, std::string_view value) { return transaction_.put(kMeta, name, value); }

  // Writes the sums that changed; the last thing in a transaction.
  Status finish();
  const EvictionState& eviction() const noexcept { return state_; }
  // The sum of the sizes of blobs that are last copies.
  std::uint64_t last_copy_bytes() const;

 private:
  Status put_row(std::string_view key, const records::BlobRow& row) {
    return transaction_.put(kBlobs, key, records::encode(row));
  }

  WriteTransaction& transaction_;
  const WallSeconds now_;
  const EvictionOptions options_;
  EvictionState state_;
  EvictionTables tables_;
  struct Change {
    std::uint64_t added = 0, removed = 0;
  };
  Status retag(std::string_view repository, std::string_view tag, const Digest& digest, bool has);
  Status put_sum(std::string_view name, const Change& change, std::uint64_t dropped);
  // Whether two manifests that are held refer to it.
  bool shared(const Digest& digest) const;
  Change bytes_, last_copies_;  // beside what the tables dropped
  bool queues_changed_ = false;
};

}  // namespace weir
