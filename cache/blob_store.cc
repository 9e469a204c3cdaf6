#include "cache/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace weir {

Result<std::unique_ptr<BlobStore>> BlobStore::open(const Clock& clock, FileSystem& disk, DiskPool& pool,
                                                   const CacheOptions& options) {
  auto store = std::unique_ptr<BlobStore>(new BlobStore(clock, disk, pool, options));
  const Layout& layout = store->layout_;
  for (const auto& folder : {layout.directory(), layout.index(), layout.partials()}) {
    if (auto status = disk.make_directories(folder); !status) return std::move(status).error();
  }
  auto lock = disk.open(layout.lock(), FileSystem::Mode::create_or_append);
  if (!lock) return std::move(lock).error();
  store->lock_ = *std::move(lock);
  if (::flock(store->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{Failure::conflict, Side::local, false, "another weir is using the store in " + layout.directory()};
  }
  auto partials = disk.list(layout.partials());
  if (!partials) return std::move(partials).error();
  for (const auto& entry : *partials) {
    if (options.resume_partial && Layout::partial_digest(entry.name)) continue;
    if (auto status = disk.remove(layout.partials() + '/' + entry.name); !status) return std::move(status).error();
  }
  auto index = Index::open(clock, {.directory = layout.index(), .durable = options.durable});
  if (!index) return std::move(index).error();
  store->index_ = *std::move(index);
  return store;
}

BlobStore::BlobStore(const Clock& clock, FileSystem& disk, DiskPool& pool, const CacheOptions& options)
    : clock_(clock), disk_(disk), pool_(pool), options_(options), layout_(options.directory), health_(clock) {}

Result<UniqueFd> BlobStore::open_file(const Digest& digest) {
  auto file = disk_.open(layout_.blob(digest), FileSystem::Mode::read);
  if (!file && file.error().failure == Failure::not_found) forget(digest);
  return file;
}

void BlobStore::forget(const Digest& digest) {
  index_->submit([digest](IndexWriter& writer) { return writer.remove_blob(digest); }, [](Status) {});
}

Error BlobStore::wrong_size(const Digest& digest, const BlobRecord& record, std::uint64_t found) {
  forget(digest);
  return Error{Failure::corrupt, Side::local, true,
               "blob " + digest.text() + " has " + (found > record.size ? "more" : "fewer") + " bytes on disk than the " +
                   std::to_string(record.size) + " it was stored with"};
}

Result<OpenBlob> BlobStore::open_blob(const Digest& digest, const BlobRecord& record) {
  auto file = open_file(digest);
  if (!file) return std::move(file).error();
  const auto size = disk_.size(file->get());
  if (!size) return size.error();
  if (*size != record.size) return wrong_size(digest, record, *size);
  return OpenBlob{std::make_shared<const UniqueFd>(*std::move(file)), record.size};
}

Result<std::shared_ptr<const std::string>> BlobStore::read_blob(const Digest& digest, const BlobRecord& record) {
  const auto file = open_file(digest);
  if (!file) return file.error();
  // One byte more than there should be: the read itself tells the size, and a stat is spared.
  auto bytes = std::make_shared<std::string>(record.size + 1, '\0');
  const auto count = disk_.read_at(file->get(), std::as_writable_bytes(std::span(*bytes)), 0);
  if (!count) return count.error();
  if (*count != record.size) return wrong_size(digest, record, *count);
  bytes->resize(record.size);
  return std::shared_ptr<const std::string>(std::move(bytes));
}

Status BlobStore::publish(const std::string& from, const Digest& digest, int fd) {
  const auto folder = layout_.blob_folder(digest);
  if (options_.durable) {
    if (auto status = disk_.sync(fd); !status) return status;
  }
  if (auto status = disk_.make_directories(folder); !status) return status;
  if (auto status = disk_.rename(from, layout_.blob(digest)); !status) return status;
  return options_.durable ? disk_.sync_directory(folder) : ok_status();
}

Task<Status> BlobStore::put(Loop& loop, const Digest& digest, std::string bytes, Index::Mutation mutation) {
  const auto path = layout_.staging(digest, next_staging_.fetch_add(1));
  auto written = co_await pool_.run(loop, [&]() -> Result<UniqueFd> {
    auto file = disk_.open(path, FileSystem::Mode::create_or_append);
    if (!file) return file;
    if (auto status = disk_.write_at(file->get(), std::as_bytes(std::span(bytes)), 0); !status) {
      (void)disk_.remove(path);
      return std::move(status).error();
    }
    return file;
  });
  if (!written) co_return std::move(written).error();
  auto status = co_await adopt(loop, digest, path, written->get(), bytes.size(), std::move(mutation));
  if (!status) {
    auto removed = co_await pool_.run(loop, [&] { return disk_.remove(path); });
    (void)removed;  // a leftover goes at the next start
  }
  co_return status;
}

Task<Status> BlobStore::adopt_partial(Loop& loop, const Digest& digest, int fd, std::uint64_t size, Index::Mutation mutation) {
  return adopt(loop, digest, layout_.partial(digest), fd, size, std::move(mutation));
}

Task<Status> BlobStore::adopt(Loop& loop, const Digest& digest, std::string from, int fd, std::uint64_t size,
                              Index::Mutation mutation) {
  auto published = co_await pool_.run(loop, [&] { return publish(from, digest, fd); });
  if (!published) co_return published;
  auto committed = co_await index_->commit(loop, [digest, size, mutation = std::move(mutation)](IndexWriter& writer) -> Status {
    const BlobRecord record{size, writer.now(), writer.now()};
    if (auto status = writer.put_blob(digest, record); !status) return status;
    return mutation ? mutation(writer) : ok_status();
  });
  co_return committed;
}

Task<Status> BlobStore::remove(Loop& loop, const Digest& digest) {
  auto forgotten = co_await index_->commit(loop, [digest](IndexWriter& writer) { return writer.remove_blob(digest); });
  if (!forgotten) co_return forgotten;
  auto removed = co_await pool_.run(loop, [&] { return disk_.remove(layout_.blob(digest)); });
  co_return removed;
}

}  // namespace weir
