#include "cache/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "cache/lineage.h"

namespace weir {
namespace {

constexpr std::string_view kCure = "; `weir cache rebuild` makes the index again from the blobs";

Error with_cure(Error error) {
  if (error.failure == Failure::corrupt) error.what += kCure;
  return error;
}

}  // namespace

Result<UniqueFd> lock_store(FileSystem& disk, const Layout& layout) {
  auto lock = disk.open(layout.lock(), FileSystem::Mode::create_or_append);
  if (lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return Error{Failure::conflict, Side::local, false, "another weir is using the store in " + layout.directory()};
  return lock;
}

Result<std::unique_ptr<BlobStore>> BlobStore::open(const Clock& clock, FileSystem& disk, DiskPool& pool,
                                                   const CacheOptions& options) {
  auto store = std::unique_ptr<BlobStore>(new BlobStore(clock, disk, pool, options));
  const Layout& layout = store->layout_;
  for (const auto& folder : {layout.directory(), layout.index(), layout.partials(), layout.quarantine()}) {
    if (auto status = disk.make_directories(folder); !status) return std::move(status).error();
  }
  auto lock = lock_store(disk, layout);
  if (!lock) return std::move(lock).error();
  store->lock_ = *std::move(lock);
  if (auto status = store->open_index(); !status) return std::move(status).error();
  store->unsettled_ = std::make_unique<Unsettled>(disk, layout, *store->index_, options.durable);
  (void)store->unsettled_->settle();  // what cannot be removed now is tried again every minute
  if (auto status = store->look_at_leftovers(); !status) return std::move(status).error();
  store->pins_ = std::make_unique<Pins>(*store->index_, disk, layout);
  store->pins_->configure(options.pins);
  store->budget_ = std::make_unique<Budget>(disk, *store->index_, store->leftovers_, store->options_);
  store->ballast_ = std::make_unique<Ballast>(disk, layout.ballast(), store->budget_->capacity());
  store->index_->set_make_room([ballast = store->ballast_.get()] { return ballast->drop(); });
  store->evictor_ = std::make_unique<Evictor>(Evictor::Parts{clock, store->options_, *store->index_, *store->budget_,
                                                             store->leftovers_, store->open_files_, *store->pins_,
                                                             *store->unsettled_, *store->ballast_});
  if (auto status = complete_lineage(*store); !status) return with_cure(std::move(status).error());
  return store;
}

BlobStore::BlobStore(const Clock& clock, FileSystem& disk, DiskPool& pool, const CacheOptions& options)
    : clock_(clock), disk_(disk), pool_(pool), options_(options), layout_(options.directory), health_(clock),
      leftovers_(disk, layout_) {}

BlobStore::~BlobStore() {
  {
    std::unique_lock lock(jobs_mutex_);
    jobs_done_.wait(lock, [this] { return jobs_ == 0; });
  }
  evictor_.reset();
  if (index_) index_->set_make_room(nullptr);
}

Status BlobStore::open_index() {
  auto index = Index::open(clock_, {.directory = layout_.index(), .durable = options_.durable});
  if (!index) return with_cure(std::move(index).error());
  // An index is on the disk before the first blob is: without one, blobs would lie there unknown and uncounted.
  if ((*index)->fresh() && disk_.open(layout_.blobs(HashAlgorithm::sha256), FileSystem::Mode::read)) {
    index->reset();
    (void)disk_.remove(layout_.index_file());  // so that the next start says so too
    return Error{Failure::corrupt, Side::local, false,
                 "there are blobs in " + layout_.directory() + " and no index of them" + std::string(kCure)};
  }
  index_ = *std::move(index);
  return ok_status();
}

// What is in partial/ and quarantine/: as much as was in flight, and no more.
Status BlobStore::look_at_leftovers() {
  auto partials = disk_.list(layout_.partials());
  if (!partials) return std::move(partials).error();
  for (const auto& entry : *partials) {
    const auto digest = Layout::partial_digest(entry.name);
    // After a power cut the old name may still stand beside the blob's.
    if (digest && options_.resume_partial && !index_->blob(*digest)) {
      // What was allocated for its rest is given back.
      if (const auto file = disk_.open(layout_.partial(entry.name), FileSystem::Mode::create_or_append))
        (void)disk_.truncate(file->get(), entry.size);
      leftovers_.add_partial(entry.name, entry.size, std::min(entry.modified, clock_.wall_seconds()));
      continue;
    }
    if (auto status = disk_.remove(layout_.partial(entry.name)); !status) return status;
  }
  // Of an index that was being made anew and was not finished.
  if (const auto unfinished = disk_.list(layout_.new_index())) {
    for (const auto& entry : *unfinished) {
      if (auto status = disk_.remove(Layout::in(layout_.new_index(), entry.name)); !status) return status;
    }
  }
  auto rotten = disk_.list(layout_.quarantine());
  if (!rotten) return std::move(rotten).error();
  for (const auto& entry : *rotten) {
    if (const auto digest = Layout::quarantined_digest(entry.name))
      leftovers_.add_quarantined(*digest, entry.size, std::min(entry.modified, clock_.wall_seconds()));
  }
  return ok_status();
}

Result<UniqueFd> BlobStore::open_file(const Digest& digest) {
  auto file = disk_.open(layout_.blob(digest), FileSystem::Mode::read);
  if (!file && file.error().failure == Failure::not_found) forget(digest);
  return file;
}

void BlobStore::forget(const Digest& digest) {
  open_files_.forget(digest);
  index_->submit(
      [this, digest](IndexWriter& writer) -> Status {
        const auto record = writer.blob(digest);
        if (!record) return ok_status();
        const auto file = disk_.open(layout_.blob(digest), FileSystem::Mode::read);
        if (!file) return file.error().failure == Failure::not_found ? writer.remove_blob(digest) : ok_status();
        const auto size = disk_.size(file->get());
        return size && *size != record->size ? writer.remove_blob(digest) : ok_status();
      },
      [](Status) {});
}

Error BlobStore::wrong_size(const Digest& digest, const BlobRecord& record, std::uint64_t found) {
  forget(digest);
  return Error{Failure::corrupt, Side::local, true,
               "blob " + digest.text() + " has " + (found > record.size ? "more" : "fewer") + " bytes on disk than the " +
                   std::to_string(record.size) + " it was stored with"};
}

Result<OpenBlob> BlobStore::open_blob(const Digest& digest, const BlobRecord& record) {
  auto file = open_files_.find(digest);
  if (!file) {
    auto opened = open_file(digest);
    if (!opened) return std::move(opened).error();
    file = std::make_shared<const UniqueFd>(*std::move(opened));
    open_files_.add(digest, file);
  }
  const auto size = disk_.size(file->get());
  if (!size) return size.error();
  if (*size != record.size) return wrong_size(digest, record, *size);
  return OpenBlob{std::move(file), record.size, record};
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
  if (due(record)) {
    if (Digest::of(digest.algorithm(), *bytes) != digest) {
      {
        std::lock_guard lock(jobs_mutex_);
        ++jobs_;
      }
      pool_.submit([this, digest, record] {
        (void)quarantine(digest, record);
        std::lock_guard lock(jobs_mutex_);  // held until the waking is over: who waits destroys it
        --jobs_;
        jobs_done_.notify_all();
      });
      return Error{Failure::corrupt, Side::local, true, "blob " + digest.text() + " has rotted on the disk"};
    }
    index_->note_verified(digest);
  }
  return std::shared_ptr<const std::string>(std::move(bytes));
}

bool BlobStore::due(const BlobRecord& record) const {
  if (record.verified_at == 0) return true;  // nobody ever did: its name alone says what it is
  if (!options_.verify_age) return false;
  return Milliseconds(Seconds(clock_.wall_seconds() - record.verified_at)) >= *options_.verify_age;
}

Status BlobStore::quarantine(const Digest& digest, const BlobRecord& record) {
  open_files_.forget(digest);
  bool removed = false;
  auto status = index_->commit_and_wait([&](IndexWriter& writer) -> Status {
    const auto held = writer.blob(digest);
    removed = held && held->generation == record.generation;
    return removed ? writer.remove_blob(digest) : ok_status();
  });
  if (!status || !removed) return status;
  quarantined_.fetch_add(1);
  const auto moved = unsettled_->move_file(digest, layout_.quarantined(digest));
  if (!moved) return moved.error();
  if (*moved) leftovers_.add_quarantined(digest, record.size, clock_.wall_seconds());
  return ok_status();
}

Status BlobStore::publish(const std::string& from, const Digest& digest, Unsettled::Coming& coming, int fd) {
  const auto folder = layout_.blob_folder(digest);
  if (options_.durable) {
    if (auto status = disk_.sync(fd); !status) {
      // The kernel tells of lost pages once and takes them for written: another sync of these bytes would prove nothing.
      if (!disk_.remove(from)) (void)disk_.truncate(fd, 0);
      return status;
    }
  }
  if (auto status = disk_.make_directories(folder); !status) return status;
  coming.publish();
  if (auto status = disk_.rename(from, layout_.blob(digest)); !status) return status;
  return options_.durable ? disk_.sync_directory(folder) : ok_status();
}

Task<Status> BlobStore::put(Loop& loop, const Digest& digest, std::string bytes, Index::Mutation mutation) {
  Reservation reservation(*budget_);
  auto reserved = co_await evictor_->reserve(loop, reservation, room_of(bytes.size()));
  if (!reserved) co_return reserved;
  const auto coming = unsettled_->coming(digest);
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
  reservation.note_given(reservation.bytes());
  auto status = co_await adopt(loop, digest, *coming, path, written->get(), bytes.size(), std::move(mutation));
  if (!status) {
    auto removed = co_await pool_.run(loop, [&] { return disk_.remove(path); });
    (void)removed;  // a leftover goes at the next start
  }
  co_return status;
}

Task<Status> BlobStore::adopt_partial(Loop& loop, const Digest& digest, const std::string& name, Unsettled::Coming& coming,
                                      int fd, std::uint64_t size, Index::Mutation mutation) {
  return adopt(loop, digest, coming, layout_.partial(name), fd, size, std::move(mutation));
}

Task<Status> BlobStore::adopt(Loop& loop, const Digest& digest, Unsettled::Coming& coming, std::string from, int fd,
                              std::uint64_t size, Index::Mutation mutation) {
  auto noted = co_await coming.noted(loop);
  if (!noted) co_return noted;
  auto published = co_await pool_.run(loop, [&] { return publish(from, digest, coming, fd); });
  if (!published) co_return published;
  open_files_.forget(digest);  // whoever opens it next opens this one
  auto committed = co_await index_->commit(loop, [digest, size, mutation = std::move(mutation)](IndexWriter& writer) -> Status {
    const BlobRecord record{.size = size, .stored_at = writer.now(), .last_used = writer.now(), .verified_at = writer.now()};
    if (auto status = writer.put_blob(digest, record); !status) return status;
    return mutation ? mutation(writer) : ok_status();
  });
  co_return committed;
}

Task<Status> BlobStore::remove(Loop& loop, const Digest& digest) {
  auto forgotten = co_await index_->commit(loop, [digest](IndexWriter& writer) { return writer.remove_blob(digest); });
  if (!forgotten) co_return forgotten;
  open_files_.forget(digest);
  auto removed = co_await pool_.run(loop, [&] { return unsettled_->remove_files(std::span(&digest, 1)); });
  co_return removed;
}

Status BlobStore::mark_last_copies(const std::string& repository, const Digest& manifest) {
  std::set<Digest> digests;
  add_closure(*index_, disk_, layout_, repository, manifest, digests);
  return index_->commit_and_wait([&](IndexWriter& writer) -> Status {
    for (const auto& digest : digests) {
      auto record = writer.blob(digest);
      if (!record || record->last_copy) continue;
      // What another repository shows has another upstream's word.
      if (writer.linked_where(digest, [&repository](std::string_view other) { return other != repository; })) continue;
      record->last_copy = true;
      if (auto status = writer.update_blob(digest, *record); !status) return status;
    }
    return ok_status();
  });
}

}  // namespace weir
