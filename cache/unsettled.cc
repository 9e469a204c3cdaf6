#include "cache/unsettled.h"

#include <set>

namespace weir {

// What the writer said of a note, and who waits for it.
struct Unsettled::Coming::Note {
  std::mutex mutex;
  std::optional<Status> status;                 // guarded by mutex
  std::shared_ptr<OneShot<Status>> waiter;      // guarded by mutex

  void set(Status said) {
    std::lock_guard lock(mutex);
    status = said;
    if (waiter) waiter->set(std::move(said));
  }
};

std::unique_ptr<Unsettled::Coming> Unsettled::coming(const Digest& digest) {
  {
    std::lock_guard lock(mutex_);
    ++comers_[digest].all;
  }
  auto coming = std::unique_ptr<Coming>(new Coming(*this, digest));
  coming->note_ = std::make_shared<Coming::Note>();
  index_.submit([digest](IndexWriter& writer) { return writer.put_unsettled(digest); },
                [note = coming->note_](Status status) { note->set(std::move(status)); });
  return coming;
}

Task<Status> Unsettled::Coming::noted(Loop& loop) {
  auto waiter = std::make_shared<OneShot<Status>>(loop);
  {
    std::lock_guard lock(note_->mutex);
    if (note_->status) waiter->set(*note_->status);
    else note_->waiter = waiter;
  }
  auto status = co_await waiter->wait();
  co_return std::move(*status);
}

void Unsettled::Coming::publish() {
  std::lock_guard lock(owner_.mutex_);
  if (!published_) ++owner_.comers_[digest_].publishing;
  published_ = true;
}

// What came has a record, and the note went with its commit. What had not even a name leaves nothing; what had one and no
// record stays noted, for settle().
Unsettled::Coming::~Coming() {
  {
    std::lock_guard lock(owner_.mutex_);
    const auto found = owner_.comers_.find(digest_);
    --found->second.all;
    if (published_) --found->second.publishing;
    if (found->second.all == 0) owner_.comers_.erase(found);
  }
  if (published_) return;
  owner_.index_.submit(
      [&owner = owner_, digest = digest_](IndexWriter& writer) {
        return writer.blob(digest) || owner.is_coming(digest) ? ok_status() : writer.remove_unsettled(digest);
      },
      [](Status) {});  // one note too many is looked at in vain
}

bool Unsettled::is_coming(const Digest& digest) {
  std::lock_guard lock(mutex_);
  return comers_.contains(digest);
}

// Away with the file, or to `target`.
Status Unsettled::take_file(const Digest& digest, const std::string* target) {
  std::lock_guard lock(mutex_);
  const auto found = comers_.find(digest);
  if (found != comers_.end() && found->second.publishing > 0) return ok_status();
  if (index_.blob(digest)) return ok_status();  // it has come back already
  return target ? disk_.rename(layout_.blob(digest), *target) : disk_.remove(layout_.blob(digest));
}

Status Unsettled::move_file(const Digest& digest, const std::string& target) {
  if (auto status = take_file(digest, &target); !status) return status;
  if (durable_) {
    if (auto status = disk_.sync_directory(layout_.blob_folder(digest)); !status) return status;
  }
  forget({digest});
  return ok_status();
}

Status Unsettled::remove_files(std::span<const Digest> digests) {
  auto first = ok_status();
  std::vector<Digest> removed;
  std::set<std::string> folders;
  for (const auto& digest : digests) {
    auto status = take_file(digest, nullptr);
    if (status) {
      removed.push_back(digest);
      folders.insert(layout_.blob_folder(digest));
    } else if (first) {
      first = std::move(status);
    }
  }
  // The note may go when the name is gone for good.
  for (const auto& folder : folders) {
    if (!durable_) break;
    if (auto status = disk_.sync_directory(folder); !status && status.error().failure != Failure::not_found) return status;
  }
  forget(std::move(removed));
  return first;
}

void Unsettled::forget(std::vector<Digest> digests) {
  index_.submit(
      [this, digests = std::move(digests)](IndexWriter& writer) -> Status {
        for (const auto& digest : digests) {
          if (is_coming(digest)) continue;
          if (auto status = writer.remove_unsettled(digest); !status) return status;
        }
        return ok_status();
      },
      [](Status) {});
}

Status Unsettled::settle() {
  std::vector<Digest> left;
  for (auto& digest : index_.unsettled()) {
    if (!is_coming(digest)) left.push_back(std::move(digest));
  }
  return left.empty() ? ok_status() : remove_files(left);
}

}  // namespace weir
