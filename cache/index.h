#pragma once
// Index: what we know of the bytes on disk. Four maps in one LMDB file:
//
//   blobs      digest             -> BlobRecord   whole and verified bytes are in blobs/
//   links      repository, digest -> Link         this repository may show this digest
//   linked_by  digest, repository -> (nothing)    the same, the other way round
//   tags       repository, tag    -> TagRecord    the only mutable fact
//   meta       "schema"           -> version
//              "blob-bytes"       -> the sum of all sizes in blobs
//
// Thread: reads on any thread, each on a snapshot of its own. Writes are queued to one writer thread, which puts what
// waits into one transaction; done() is called after its commit.

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
#include "oci/name.h"
#include "oci/reference.h"

namespace weir {

struct BlobRecord {
  std::uint64_t size = 0;
  WallSeconds stored_at = 0;
  WallSeconds last_used = 0;
};

struct Link {
  enum class Kind : unsigned char { blob, manifest };
  Kind kind = Kind::blob;
  std::optional<std::uint64_t> size;  // as the descriptor or the upstream said it
  std::string media_type;             // of a manifest; empty where only a parent's descriptor is known
};

struct TagRecord {
  Digest digest;
  WallSeconds checked_at = 0;  // when the upstream last said so
};

// The writes of one transaction. Only inside Index::submit.
class IndexWriter {
 public:
  IndexWriter(WriteTransaction& transaction, WallSeconds now) : transaction_(transaction), now_(now) {}
  WallSeconds now() const noexcept { return now_; }

  std::optional<BlobRecord> blob(const Digest& digest) const;
  Status put_blob(const Digest& digest, const BlobRecord& record);
  Status remove_blob(const Digest& digest);
  // A link known better stays: a media type or a size that is already there is not lost.
  Status link(const Name& repository, const Digest& digest, Link link);
  Status unlink(std::string_view repository, const Digest& digest);
  Status put_tag(const Name& repository, const Tag& tag, const TagRecord& record);
  Status remove_tag(std::string_view repository, std::string_view tag);

  LmdbTransaction& transaction() noexcept { return transaction_; }

 private:
  WriteTransaction& transaction_;
  WallSeconds now_;
};

class Index {
 public:
  struct Options {
    std::string directory;
    bool read_only = false;  // for commands beside a running server: submit() is not to be called
    bool durable = true;
  };
  // Error: a store of a newer schema is refused; io.
  static Result<std::unique_ptr<Index>> open(const Clock& clock, const Options& options);
  // Writes what was submitted, then ends the writer.
  ~Index();

  std::optional<BlobRecord> blob(const Digest& digest) const;
  std::optional<Link> link(const Name& repository, const Digest& digest) const;
  std::optional<TagRecord> tag(const Name& repository, const Tag& tag) const;
  // Link and blob in one snapshot: the question of every hit.
  struct Holding {
    std::optional<Link> link;
    std::optional<BlobRecord> blob;
  };
  Holding holding(const Name& repository, const Digest& digest) const;

  struct Totals {
    std::uint64_t blobs = 0, blob_bytes = 0, links = 0, tags = 0;
  };
  // Kept with every write, so asking costs nothing.
  Totals totals() const;

  // Whole walks, for commands. Each in chunks of short snapshots.
  void each_tag(std::string_view repository_prefix,
                const std::function<void(std::string_view repository, std::string_view tag, const TagRecord&)>& visit) const;
  void each_link(std::string_view repository_prefix,
                 const std::function<void(std::string_view repository, const Digest&, const Link&)>& visit) const;
  void each_blob(const std::function<void(const Digest&, const BlobRecord&)>& visit) const;
  std::vector<std::string> repositories_of(const Digest& digest) const;

  using Mutation = std::function<Status(IndexWriter&)>;
  // Any thread. A mutation that fails leaves nothing; it may be run twice, so it must not count on running once.
  void submit(Mutation mutation, std::function<void(Status)> done);
  Task<Status> commit(Loop& loop, Mutation mutation);

  // Notes that a blob was used; written with the next group, at most once a minute for each.
  void touch(const Digest& digest);

 private:
  struct Pending {
    Mutation mutation;
    std::function<void(Status)> done;
  };

  Index(const Clock& clock, std::unique_ptr<LmdbEnvironment> environment);
  void serve();
  Status write_group(std::span<Pending> group, const std::unordered_map<std::string, WallSeconds>& touched);

  const Clock& clock_;
  std::unique_ptr<LmdbEnvironment> environment_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Pending> pending_;                          // guarded by mutex_
  std::unordered_map<std::string, WallSeconds> touched_;  // guarded by mutex_; key: the digest's index key
  bool stopping_ = false;                                 // guarded by mutex_

  std::thread writer_;
};

}  // namespace weir
