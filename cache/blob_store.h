#pragma once
// BlobStore: whole, verified bytes by digest. What it opens was hashed before it was named, and its size is checked again.
//
// Thread: open_blob() and read_blob() on any thread, and they wait for nothing but the disk; what writes awaits the disk
// pool and the index.

#include <atomic>
#include <memory>
#include <string>

#include "base/disk_pool.h"
#include "base/file_system.h"
#include "cache/disk_health.h"
#include "cache/index.h"
#include "cache/layout.h"
#include "cache/options.h"

namespace weir {

// An open blob. Its bytes stay readable while it is held, whatever happens to the name.
struct OpenBlob {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t size = 0;
};

class BlobStore {
 public:
  // Takes the store's lock and opens its index. Error: conflict when another program writes here; io; unsupported.
  static Result<std::unique_ptr<BlobStore>> open(const Clock& clock, FileSystem& disk, DiskPool& pool, const CacheOptions& options);

  Index& index() noexcept { return *index_; }
  FileSystem& disk() noexcept { return disk_; }
  DiskPool& pool() noexcept { return pool_; }
  DiskHealth& health() noexcept { return health_; }
  const Layout& layout() const noexcept { return layout_; }
  const CacheOptions& options() const noexcept { return options_; }
  const Clock& clock() const noexcept { return clock_; }

  // Error: not_found when the file is gone, corrupt when its size is not the record's; the record is then removed, so
  // that the next request fetches the bytes anew.
  Result<OpenBlob> open_blob(const Digest& digest, const BlobRecord& record);
  // All bytes of a small one at once; the same errors.
  Result<std::shared_ptr<const std::string>> read_blob(const Digest& digest, const BlobRecord& record);

  // Stores small bytes that the caller has verified, then commits `mutation` with the blob's record in one transaction.
  Task<Status> put(Loop& loop, const Digest& digest, std::string bytes, Index::Mutation mutation);

  // Names the verified partial file of `digest` a blob: fsync, rename, fsync of the folder, index commit with `mutation`.
  Task<Status> adopt_partial(Loop& loop, const Digest& digest, int fd, std::uint64_t size, Index::Mutation mutation);

  // Forgets the blob: record first, file second. Whoever has it open reads on.
  Task<Status> remove(Loop& loop, const Digest& digest);

 private:
  BlobStore(const Clock& clock, FileSystem& disk, DiskPool& pool, const CacheOptions& options);
  Result<UniqueFd> open_file(const Digest& digest);
  void forget(const Digest& digest);
  Error wrong_size(const Digest& digest, const BlobRecord& record, std::uint64_t found);
  Status publish(const std::string& from, const Digest& digest, int fd);
  Task<Status> adopt(Loop& loop, const Digest& digest, std::string from, int fd, std::uint64_t size, Index::Mutation mutation);

  const Clock& clock_;
  FileSystem& disk_;
  DiskPool& pool_;
  const CacheOptions options_;
  const Layout layout_;
  UniqueFd lock_;
  DiskHealth health_;
  std::atomic<unsigned long> next_staging_{0};
  std::unique_ptr<Index> index_;
};

}  // namespace weir
