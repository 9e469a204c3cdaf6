#pragma once
// Index: what we know of the bytes on disk, in one LMDB file (cache/index_records.h has the rows):
//
//   blobs        digest             -> BlobRecord and its place in a queue   whole and verified bytes are in blobs/
//   links        repository, digest -> Link         this repository may show this digest
//   linked_by    digest, repository -> proven?      the same, the other way round
//   tags         repository, tag    -> TagRecord    the only mutable fact
//   small, main  sequence           -> digest       the queues of the eviction
//   ghosts       digest             -> sequence, size of what was evicted lately
//   ghost_queue  sequence           -> digest
//   unsettled    digest             -> note         its file may be there without a record: it comes or it goes
//   pins         pattern            -> since when
//   referred_by  repository, digest, manifest -> platform   a manifest of the repository refers to it
//   tagged       repository, digest -> tags         `tags` the other way round
//   manifests    digest             -> ManifestRecord
//   first_seen   digest             -> SeenRecord   of manifests; stays when they go
//   meta         "schema", "blob-bytes", "last-copies", "eviction", "scrub", "lineage", "quarantine"
//
// Thread: reads on any thread, each on a snapshot of its own. Writes are queued to one writer thread, which puts what
// waits into one transaction; done() is called after its commit.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/lmdb.h"
#include "base/wait.h"
#include "cache/index_records.h"
#include "cache/index_writer.h"
#include "oci/name.h"
#include "oci/reference.h"

namespace weir {

class Index {
 public:
  struct Options {
    std::string directory;
    bool read_only = false;  // for commands beside a running server: submit() is not to be called
    bool durable = true;
  };
  // An older schema is brought to this one; that takes time by what is stored, and may be broken off and continued.
  // Error: a store of a newer schema is refused; io. One that is opened for reading only stays as it is.
  static Result<std::unique_ptr<Index>> open(const Clock& clock, const Options& options);
  // Writes what was submitted, then ends the writer.
  ~Index();

  std::optional<BlobRecord> blob(const Digest& digest) const;
  std::optional<Link> link(const Name& repository, const Digest& digest) const { return link(repository.text(), digest); }
  std::optional<Link> link(std::string_view repository, const Digest& digest) const;
  std::optional<TagRecord> tag(const Name& repository, const Tag& tag) const;
  // Link and blob in one snapshot: the question of every hit.
  struct Holding {
    std::optional<Link> link;
    std::optional<BlobRecord> blob;
  };
  Holding holding(const Name& repository, const Digest& digest) const;

  struct Totals {
    std::uint64_t blobs = 0, blob_bytes = 0, links = 0, tags = 0;
    std::uint64_t room = 0;    // what blobs take of the disk
    std::uint64_t ghosts = 0;
    std::uint64_t last_copies = 0;  // bytes of blobs that are
  };
  // Kept with every write, so asking costs nothing.
  Totals totals() const;
  std::string meta(std::string_view name) const;  // empty: nothing of that name
  // It was made when it was opened, and knows nothing yet.
  bool fresh() const noexcept { return fresh_; }
  // What the file takes of the disk.
  std::uint64_t file_bytes() const;

  // Whole walks, for commands. Each in chunks of short snapshots.
  void each_tag(std::string_view repository_prefix,
                const std::function<void(std::string_view repository, std::string_view tag, const TagRecord&)>& visit) const;
  void each_link(std::string_view repository_prefix,
                 const std::function<void(std::string_view repository, const Digest&, const Link&)>& visit) const;
  void each_blob(const std::function<void(const Digest&, const BlobRecord&)>& visit) const;
  void each_pin(const std::function<void(std::string_view pattern, WallSeconds since)>& visit) const;
  void each_seen(const std::function<void(const Digest&, const SeenRecord&)>& visit) const;
  std::vector<std::string> repositories_of(const Digest& digest) const;
  // Up to `most` repositories with a proven link to the digest, but for `except`. Looks at a bounded number of links.
  std::vector<std::string> proven_in(const Digest& digest, std::string_view except, std::size_t most) const;
  std::optional<SeenRecord> seen(const Digest& digest) const;
  // Calls `look` with one snapshot of all tables (cache/lineage.h).
  void look(const std::function<void(const LmdbTransaction&)>& look) const { look(ReadTransaction(*environment_)); }
  std::vector<Digest> unsettled() const;
  std::optional<std::uint64_t> unsettled(const Digest& digest) const;
  // As blob(), for who must not take a failure for an absence. Error: io.
  Result<bool> holds(const Digest& digest) const;
  // A walk has met pages that cannot be read, and ended there.
  bool damaged() const { return environment_->damaged(); }
  // Up to `most` blobs, in the order of their keys, behind the one with this key (empty: from the first).
  struct Listed {
    Digest digest;
    BlobRecord record;
  };
  std::vector<Listed> blobs_after(std::string_view key, std::size_t most) const;

  using Mutation = std::function<Status(IndexWriter&)>;
  // Any thread. A mutation that fails leaves nothing; it may be run twice, so it must not count on running once.
  void submit(Mutation mutation, std::function<void(Status)> done);
  Task<Status> commit(Loop& loop, Mutation mutation);
  // The same for a thread of one's own, which waits.
  Status commit_and_wait(Mutation mutation);

  // Notes that a blob was used; written with the next group, at most once in ten minutes for each.
  void touch(const Digest& digest);
  // Notes that a blob's bytes were hashed and are right; written with the next group.
  void note_verified(const Digest& digest);

  // What the queues' shares are shares of.
  void set_capacity(std::uint64_t bytes) { capacity_.store(bytes); }
  // Called by the writer when the disk has no room for a group; true: there may be some now, once more.
  void set_make_room(std::function<bool()> make_room);
  // Frees the places of readers that were killed.
  void clear_stale_readers() { environment_->clear_stale_readers(); }

 private:
  struct Pending {
    Mutation mutation;
    std::function<void(Status)> done;
  };
  struct Notes {
    bool used = false, verified = false;
  };
  using Noted = std::unordered_map<std::string, Notes>;  // key: the digest's index key

  Index(const Clock& clock, const Options& options, std::unique_ptr<LmdbEnvironment> environment);
  Status bring_up_to_date();
  Status migrate_blobs();
  Status migrate_tags();
  Status migrate_links();
  void serve();
  Status write_group(std::span<Pending> group, const Noted& noted);
  Status try_group(std::span<Pending> group, const Noted& noted);

  const Clock& clock_;
  const Options options_;
  std::unique_ptr<LmdbEnvironment> environment_;
  bool fresh_ = false;
  std::atomic<std::uint64_t> capacity_{UINT64_MAX};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Pending> pending_;        // guarded by mutex_
  Noted noted_;                         // guarded by mutex_
  std::function<bool()> make_room_;     // guarded by mutex_
  bool stopping_ = false;               // guarded by mutex_

  std::thread writer_;
};

}  // namespace weir
