#pragma once
// BlobStore: whole, verified bytes by digest, and all that keeps them: the index, the budget, the evictor. What it opens was
// hashed before it was named, and its size is checked again.
//
// Thread: open_blob() and read_blob() on any thread, and they wait for nothing but the disk; what writes awaits the disk
// pool and the index.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/disk_pool.h"
#include "base/file_system.h"
#include "cache/disk_health.h"
#include "cache/evictor.h"
#include "cache/index.h"
#include "cache/layout.h"
#include "cache/options.h"

namespace weir {

// An open blob. Its bytes stay readable while it is held, whatever happens to the name.
struct OpenBlob {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t size = 0;
  BlobRecord record;  // as it was opened by; the same digest may have been stored anew since
};

// The lock of the one program that may write; held as long as the descriptor. Error: conflict when another holds it; io.
Result<UniqueFd> lock_store(FileSystem& disk, const Layout& layout);

class BlobStore {
 public:
  // Takes the store's lock, opens its index, and settles what an earlier program left in flight.
  // Error: conflict when another program writes here; corrupt when the index cannot be read; io; unsupported.
  static Result<std::unique_ptr<BlobStore>> open(const Clock& clock, FileSystem& disk, DiskPool& pool, const CacheOptions& options);
  // Nothing may be under way any more.
  ~BlobStore();

  Index& index() noexcept { return *index_; }
  FileSystem& disk() noexcept { return disk_; }
  DiskPool& pool() noexcept { return pool_; }
  DiskHealth& health() noexcept { return health_; }
  Budget& budget() noexcept { return *budget_; }
  Evictor& evictor() noexcept { return *evictor_; }
  Leftovers& leftovers() noexcept { return leftovers_; }
  OpenFiles& open_files() noexcept { return open_files_; }
  Pins& pins() noexcept { return *pins_; }
  Unsettled& unsettled() noexcept { return *unsettled_; }
  const Layout& layout() const noexcept { return layout_; }
  const CacheOptions& options() const noexcept { return options_; }
  const Clock& clock() const noexcept { return clock_; }

  // Error: not_found when the file is gone, corrupt when its size is not the record's; the record is then removed, so
  // that the next request fetches the bytes anew.
  Result<OpenBlob> open_blob(const Digest& digest, const BlobRecord& record);
  // All bytes of a small one at once; the same errors, and corrupt when they were due to be hashed and are wrong.
  Result<std::shared_ptr<const std::string>> read_blob(const Digest& digest, const BlobRecord& record);

  // Whether a hit must be hashed on its way: it was not for longer than verify-age.
  bool due(const BlobRecord& record) const;
  // Takes bytes that were found wrong out of service, and keeps them aside. A blob that was stored anew since `record` stays.
  // Blocks on disk work.
  Status quarantine(const Digest& digest, const BlobRecord& record);
  std::uint64_t quarantined() const { return quarantined_.load(); }
  // The program is about to end: what only looks after the store breaks off.
  void end_soon() { ending_.store(true); }
  bool ending() const { return ending_.load(); }
  // The record of a blob whose file is not what it says goes; what has its name by then is looked at once more.
  void forget(const Digest& digest);

  // Stores small bytes that the caller has verified, then commits `mutation` with the blob's record in one transaction.
  // Error: over_budget, no_space; io.
  Task<Status> put(Loop& loop, const Digest& digest, std::string bytes, Index::Mutation mutation);

  // Makes the verified partial file of `coming`, `name` in partial/, a blob: fsync, rename, fsync of the folder, index commit with
  // `mutation`.
  Task<Status> adopt_partial(Loop& loop, const Digest& digest, const std::string& name, Unsettled::Coming& coming, int fd,
                             std::uint64_t size, Index::Mutation mutation);

  // Forgets the blob: record first, file second. Whoever has it open reads on.
  Task<Status> remove(Loop& loop, const Digest& digest);

  // No upstream has what this manifest refers to any more: it is kept as the last copy. Blocks on disk work.
  Status mark_last_copies(const std::string& repository, const Digest& manifest);

 private:
  BlobStore(const Clock& clock, FileSystem& disk, DiskPool& pool, const CacheOptions& options);
  Status open_index();
  Status look_at_leftovers();
  Result<UniqueFd> open_file(const Digest& digest);
  Error wrong_size(const Digest& digest, const BlobRecord& record, std::uint64_t found);
  Status publish(const std::string& from, const Digest& digest, Unsettled::Coming& coming, int fd);
  Task<Status> adopt(Loop& loop, const Digest& digest, Unsettled::Coming& coming, std::string from, int fd, std::uint64_t size,
                     Index::Mutation mutation);

  const Clock& clock_;
  FileSystem& disk_;
  DiskPool& pool_;
  const CacheOptions options_;
  const Layout layout_;
  UniqueFd lock_;
  DiskHealth health_;
  Leftovers leftovers_;
  OpenFiles open_files_;
  std::atomic<unsigned long> next_staging_{0};
  std::atomic<std::uint64_t> quarantined_{0};
  std::atomic<bool> ending_{false};
  std::mutex jobs_mutex_;
  std::condition_variable jobs_done_;
  unsigned jobs_ = 0;  // of the pool that still need this; guarded by jobs_mutex_
  // The index runs its last writes in its destructor; they may ask what stands before it here.
  std::unique_ptr<Unsettled> unsettled_;
  std::unique_ptr<Ballast> ballast_;
  std::unique_ptr<Index> index_;
  std::unique_ptr<Pins> pins_;
  std::unique_ptr<Budget> budget_;
  std::unique_ptr<Evictor> evictor_;
};

}  // namespace weir
