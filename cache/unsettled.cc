#include "cache/unsettled.h"

#include <set>

namespace weir {

// What the writer said of a note, and who waits for it.
struct Unsettled::Coming::Note {
  std::mutex mutex;
  std::optional<Status> status;                 // guarded by mutex
  std::shared_ptr<OneShot<Status>> waiter;      // guarded by mutex
  std::optional<std::uint64_t> own;             // the writer's: nothing where an older note stands for it

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
  index_.submit(
      [digest, note = coming->note_](IndexWriter& writer) -> Status {
        note->own.reset();
        if (writer.unsettled(digest)) return ok_status();
        auto status = writer.note_unsettled(digest);
        note->own = writer.unsettled(digest);
        return status;
      },
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
  std::unique_lock lock(owner_.mutex_);
  owner_.gone_.wait(lock, [this] { return !owner_.comers_[digest_].going; });
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
    if (found->second.idle()) owner_.comers_.erase(found);
  }
  if (published_) return;
  owner_.index_.submit(
      [&owner = owner_, digest = digest_, note = note_](IndexWriter& writer) {
        return !note->own || owner.is_coming(digest) ? ok_status() : writer.forget_unsettled(digest, *note->own);
      },
      [](Status) {});  // one note too many is looked at in vain
}

bool Unsettled::is_coming(const Digest& digest) {
  std::lock_guard lock(mutex_);
  const auto found = comers_.find(digest);
  return found != comers_.end() && found->second.all > 0;
}

// Away with the file, or to `target`. False: somebody is giving the name to another, or it is a blob again.
Result<bool> Unsettled::take_file(const Digest& digest, const std::string* target) {
  {
    std::lock_guard lock(mutex_);
    auto& comers = comers_[digest];
    const auto held = index_.holds(digest);
    if (!held || *held || comers.publishing > 0 || comers.going) {
      if (comers.idle()) comers_.erase(digest);
      return held ? Result<bool>(false) : held;
    }
    comers.going = true;
  }
  // Who publishes waits until this is done, on the pool; nobody else does.
  auto status = target ? disk_.rename(layout_.blob(digest), *target) : disk_.remove(layout_.blob(digest));
  std::lock_guard lock(mutex_);
  auto& comers = comers_[digest];
  comers.going = false;
  if (comers.idle()) comers_.erase(digest);
  gone_.notify_all();
  if (!status) return std::move(status).error();
  return true;
}

Result<bool> Unsettled::move_file(const Digest& digest, const std::string& target) {
  const auto note = index_.unsettled(digest);
  auto moved = take_file(digest, &target);
  if (!moved || !*moved) return moved;
  if (durable_) {
    if (auto status = disk_.sync_directory(layout_.blob_folder(digest)); !status) return std::move(status).error();
  }
  if (note) forget({{digest, *note}});
  return true;
}

Status Unsettled::remove_files(std::span<const Digest> digests) {
  auto taken = take_files(digests);
  auto finished = finish_removals();
  return taken ? finished : taken;
}

Status Unsettled::take_files(std::span<const Digest> digests) {
  auto first = ok_status();
  std::vector<Gone> gone;
  for (const auto& digest : digests) {
    const auto note = index_.unsettled(digest);
    const auto taken = take_file(digest, nullptr);
    if (!taken && first) first = taken.error();
    if (taken && *taken && note) gone.push_back({digest, *note});
  }
  std::lock_guard lock(mutex_);
  removed_.insert(removed_.end(), gone.begin(), gone.end());
  return first;
}

// A note may go when the name is gone for good.
Status Unsettled::finish_removals() {
  std::vector<Gone> gone;
  {
    std::lock_guard lock(mutex_);
    gone.swap(removed_);
  }
  std::set<std::string> folders;
  for (const auto& one : gone) folders.insert(layout_.blob_folder(one.digest));
  for (const auto& folder : folders) {
    if (!durable_) break;
    auto status = disk_.sync_directory(folder);
    if (!status && status.error().failure != Failure::not_found) return status;  // the notes stay, for settle()
  }
  if (!gone.empty()) forget(std::move(gone));
  return ok_status();
}

std::size_t Unsettled::unfinished_removals() {
  std::lock_guard lock(mutex_);
  return removed_.size();
}

void Unsettled::forget(std::vector<Gone> gone) {
  index_.submit(
      [this, gone = std::move(gone)](IndexWriter& writer) -> Status {
        for (const auto& [digest, note] : gone) {
          if (is_coming(digest)) continue;
          if (auto status = writer.forget_unsettled(digest, note); !status) return status;
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
