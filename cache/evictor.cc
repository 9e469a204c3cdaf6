#include "cache/evictor.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace weir {
namespace {

constexpr auto kTick = Seconds(1);
constexpr auto kCleaning = Seconds(60);
// Records looked at in one transaction, when so many must go: a tenth of a second or two, in which nobody else writes. A
// transaction ends with a wait for the disk, so the fewer there are in one, the slower the whole.
constexpr std::uint64_t kSteps = 4000;
// Files removed whose folders are synced together: there are 256 folders, and each batch has a victim in all of them.
constexpr std::size_t kFinishedTogether = 20'000;
// Threads that remove files: a disk that is told of every block that is freed makes who removes one wait.
constexpr unsigned kRemovers = 4;
// A search that found nothing is not tried again at once: it goes through everything there is.
constexpr auto kRest = Seconds(5);

// After an eviction that the file system does not show yet (btrfs and others free what is removed with their next commit), the
// next one for the reserve's sake waits, or everything would go for the same want.
constexpr auto kReserveRest = Seconds(5);

// Downloads that broke off within the hour are kept before blobs up to this share of the capacity. Without a bound, a disk that
// was full for a while leaves so many of them behind that the blobs stored after it are evicted at once.
constexpr std::uint64_t kFreshLeftoversPercent = 25;

}  // namespace

Evictor::Evictor(const Parts& parts) : parts_(parts), removers_(kRemovers) {
  parts_.index.set_capacity(parts_.budget.capacity());
  parts_.ballast.restore();
  parts_.budget.set_ballast(parts_.ballast.bytes());
  thread_ = std::thread([this] { serve(); });
  ::pthread_setname_np(thread_.native_handle(), "weir-evictor");
}

Evictor::~Evictor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Task<Status> Evictor::reserve(Loop& loop, Reservation& reservation, std::uint64_t total) {
  if (reservation.grow_to(total)) co_return ok_status();
  auto done = std::make_shared<OneShot<Status>>(loop);
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({&reservation, total, done});
  }
  changed_.notify_one();
  auto status = co_await done->wait();
  co_return std::move(*status);
}

void Evictor::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void Evictor::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, kTick, [this] { return stopping_ || woken_ || !waiting_.empty(); });
    std::deque<Request> requests;
    requests.swap(waiting_);
    woken_ = false;
    const bool last = stopping_;
    lock.unlock();
    for (const auto& request : requests) request.done->set(grant(request));
    if (!last) look_after();
    lock.lock();
    if (last && waiting_.empty()) return;
  }
}

// What is to be done from time to time.
void Evictor::look_after() {
  parts_.index.set_capacity(parts_.budget.capacity());
  parts_.budget.set_leaving(lingering_room() + stuck_);
  if (const auto bytes = parts_.budget.ahead(); bytes > 0 && parts_.clock.now() >= reserve_rests_until_) make_room(bytes);
  const Instant now = parts_.clock.now();
  if (now < next_cleaning_) return;
  next_cleaning_ = now + kCleaning;
  parts_.index.clear_stale_readers();
  if (parts_.unsettled.settle()) stuck_ = 0;  // else it is tried again
  // With as much room again beside it, so that it does not come and go.
  if (const auto wanted = parts_.ballast.wanted(); wanted > 0 && parts_.budget.shortage(2 * wanted).bytes == 0)
    parts_.ballast.restore();
  parts_.budget.set_ballast(parts_.ballast.bytes());
}

Error Evictor::refusal() const {
  // The disk is full when not even a small blob fits; otherwise it is this one that is too large.
  if (const auto shortage = parts_.budget.shortage(room_of(0)); shortage.others)
    return Error{Failure::no_space, Side::local, false, "the file system is filled up to the reserve, and nothing more may go"};
  return Error{Failure::over_budget, Side::local, false, "it does not fit into what the store may take"};
}

Status Evictor::grant(const Request& request) {
  if (!parts_.budget.could_hold(request.total)) return refusal();
  for (;;) {
    if (request.reservation->grow_to(request.total)) return ok_status();
    const auto shortage = parts_.budget.shortage(request.total - request.reservation->bytes());
    if (shortage.bytes == 0) continue;  // somebody gave back just now
    // What others hold comes back by itself; nothing goes in vain.
    if (!parts_.budget.could_free(shortage.bytes)) return refusal();
    if (shortage.others && parts_.clock.now() < reserve_rests_until_) return refusal();
    if (make_room(shortage.bytes) == 0) return refusal();
  }
}

// Old leftovers and more fresh ones than their share, then blobs, then whatever is left over. Answers what that gave back.
std::uint64_t Evictor::make_room(std::uint64_t bytes) {
  std::uint64_t made = 0;
  const auto discard = [&](WallSeconds before, std::uint64_t kept = 0) {
    while (made < bytes && parts_.leftovers.room() > kept) {
      const auto given = parts_.leftovers.discard(before);
      if (given == 0) return;
      made += given;
    }
  };
  const WallSeconds now = parts_.clock.wall_seconds();
  discard(now - Leftovers::kFresh);
  discard(now + 1, parts_.budget.capacity() / 100 * kFreshLeftoversPercent);
  if (made < bytes) made += evict(bytes - made);
  discard(now + 1);
  return made;
}

std::uint64_t Evictor::evict(std::uint64_t bytes) {
  if (parts_.clock.now() < exhausted_until_) return 0;
  parts_.pins.refresh();
  const auto last_copies = parts_.budget.last_copies();
  const auto totals = parts_.index.totals();
  const auto free_before = parts_.budget.free();
  const Instant began = parts_.clock.now();
  std::uint64_t made = 0, kept = 0;
  Removal removal;  // of what went last, beside the next transaction
  const auto leaving = [&] { return lingering_room() + stuck_ + removal.room; };
  // Every record may have been used three times and be shared, and is looked at once for each.
  for (std::uint64_t looked = 0; made + removal.room < bytes && looked <= 5 * totals.blobs + kSteps && !stopping_;
       looked += kSteps) {
    IndexWriter::Shrunk shrunk;
    const auto before = leaving();
    const auto left = bytes - made - removal.room;
    auto status = parts_.index.commit_and_wait([&](IndexWriter& writer) -> Status {
      const auto held = writer.eviction().held_bytes();
      auto result = writer.shrink(
          held > left ? held - left : 0,
          [&](const Digest& digest, const BlobRecord& record) { return must_stay(writer, digest, record, last_copies); }, kSteps,
          kept);
      if (!result) return result.error();
      shrunk = *std::move(result);
      std::uint64_t room = 0;
      for (const auto& victim : shrunk.victims) room += victim.size;
      parts_.budget.set_leaving(before + room);
      return ok_status();
    });
    made += finish(removal);
    if (status) removal = let_go(shrunk.victims);
    if (parts_.unsettled.unfinished_removals() >= kFinishedTogether) (void)parts_.unsettled.finish_removals();
    parts_.budget.set_leaving(leaving());
    if (!status || shrunk.end != Eviction::Shrunk::End::out_of_steps) break;
  }
  made += finish(removal);
  parts_.budget.set_leaving(leaving());
  (void)parts_.unsettled.finish_removals();  // else the notes stay, and settle() looks at them
  // A search that found nothing went through all there is, and rests the longer the longer it took.
  const Instant now = parts_.clock.now();
  if (made == 0) exhausted_until_ = now + std::max<Instant::duration>(kRest, 10 * (now - began));
  if (made > 0 && parts_.budget.free() < free_before + made / 2) reserve_rests_until_ = now + kReserveRest;
  return made;
}

Evictor::Removal Evictor::let_go(const std::vector<IndexWriter::Victim>& victims) {
  Removal removal;
  std::vector<Digest> digests;
  for (const auto& victim : victims) {
    removal.room += victim.size;
    digests.push_back(victim.digest);
    if (const auto file = parts_.open_files.find(victim.digest)) lingering_.push_back({file, victim.size});
    parts_.open_files.forget(victim.digest);
  }
  evicted_blobs_ += victims.size();
  const auto share = (digests.size() + kRemovers - 1) / kRemovers;
  for (std::size_t at = 0; at < digests.size(); at += share) {
    const auto end = std::min(at + share, digests.size());
    std::vector<Digest> part(digests.begin() + static_cast<std::ptrdiff_t>(at), digests.begin() + static_cast<std::ptrdiff_t>(end));
    auto work = std::make_shared<std::packaged_task<bool()>>(
        [this, part = std::move(part)] { return parts_.unsettled.take_files(part).ok(); });
    removal.taken.push_back(work->get_future());
    removers_.submit([work] { (*work)(); });
  }
  return removal;
}

std::uint64_t Evictor::finish(Removal& removal) {
  auto room = std::exchange(removal.room, 0);
  bool all = true;
  for (auto& taken : std::exchange(removal.taken, {})) all = taken.get() && all;
  if (!all) {
    stuck_ += room;  // noted, tried again, and no room until then
    room = 0;
  }
  evicted_bytes_ += room;
  return room;
}

bool Evictor::must_stay(const IndexWriter& writer, const Digest& digest, const BlobRecord& record, std::uint64_t last_copies) {
  if (parts_.open_files.find(digest)) return true;
  if (record.last_copy && writer.last_copy_bytes() <= last_copies) return true;
  const auto age = Milliseconds(Seconds(writer.now() - record.last_used));
  return (parts_.options.keep_within.count() > 0 && age < parts_.options.keep_within) || parts_.pins.pinned(writer, digest);
}

std::uint64_t Evictor::lingering_room() {
  std::uint64_t room = 0;
  std::erase_if(lingering_, [](const Lingering& lingering) { return lingering.file.expired(); });
  for (const auto& lingering : lingering_) room += lingering.room;
  return room;
}

}  // namespace weir
