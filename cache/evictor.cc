#include "cache/evictor.h"

#include <pthread.h>

#include <algorithm>

namespace weir {
namespace {

constexpr auto kTick = Seconds(1);
constexpr auto kCleaning = Seconds(60);
// Records looked at in one transaction: some ten milliseconds, in which nobody else writes.
constexpr std::uint64_t kSteps = 2000;
// A search that found nothing is not tried again at once: it goes through everything there is.
constexpr auto kRest = Seconds(5);

Error full(bool others) {
  if (others)
    return Error{Failure::no_space, Side::local, false, "the file system is filled up to the reserve, and nothing more may go"};
  return Error{Failure::over_budget, Side::local, false, "it does not fit into what the store may take"};
}

}  // namespace

Evictor::Evictor(const Parts& parts) : parts_(parts) {
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
  parts_.budget.set_leaving(lingering_room());
  if (const auto bytes = parts_.budget.ahead(); bytes > 0) make_room(bytes);
  const Instant now = parts_.clock.now();
  if (now < next_cleaning_) return;
  next_cleaning_ = now + kCleaning;
  parts_.index.clear_stale_readers();
  (void)parts_.unsettled.settle();  // what cannot be removed now is tried again
  // With as much room again beside it, so that it does not come and go.
  if (const auto wanted = parts_.ballast.wanted(); wanted > 0 && parts_.budget.shortage(2 * wanted).bytes == 0)
    parts_.ballast.restore();
  parts_.budget.set_ballast(parts_.ballast.bytes());
}

Status Evictor::grant(const Request& request) {
  if (!parts_.budget.could_hold(request.total)) return full(false);
  for (;;) {
    if (request.reservation->grow_to(request.total)) return ok_status();
    const auto shortage = parts_.budget.shortage(request.total - request.reservation->bytes());
    if (shortage.bytes > 0 && make_room(shortage.bytes) == 0) return full(shortage.others);
  }
}

// Old leftovers, then blobs, then whatever is left over. Answers what that gave back.
std::uint64_t Evictor::make_room(std::uint64_t bytes) {
  std::uint64_t made = 0;
  const auto discard = [&](WallSeconds before) {
    while (made < bytes) {
      const auto given = parts_.leftovers.discard(before);
      if (given == 0) return;
      made += given;
    }
  };
  discard(parts_.clock.wall_seconds() - Leftovers::kFresh);
  if (made < bytes) made += evict(bytes - made);
  discard(parts_.clock.wall_seconds() + 1);
  return made;
}

std::uint64_t Evictor::evict(std::uint64_t bytes) {
  if (parts_.clock.now() < exhausted_until_) return 0;
  parts_.pins.refresh();
  const auto last_copies = parts_.budget.last_copies();
  const auto totals = parts_.index.totals();
  std::uint64_t made = 0;
  // Every record may have been used three times, and is looked at once for each.
  for (std::uint64_t looked = 0; made < bytes && looked <= 4 * totals.blobs + kSteps; looked += kSteps) {
    IndexWriter::Shrunk shrunk;
    const auto lingering = lingering_room();
    auto status = parts_.index.commit_and_wait([&](IndexWriter& writer) -> Status {
      const auto held = writer.eviction().held_bytes();
      const auto left = bytes - made;
      auto result = writer.shrink(
          held > left ? held - left : 0,
          [&](const Digest& digest, const BlobRecord& record) { return must_stay(writer, digest, record, last_copies); }, kSteps);
      if (!result) return result.error();
      shrunk = *std::move(result);
      std::uint64_t room = 0;
      for (const auto& victim : shrunk.victims) room += victim.size;
      parts_.budget.set_leaving(lingering + room);
      return ok_status();
    });
    if (status) made += let_go(shrunk.victims);
    parts_.budget.set_leaving(lingering_room());
    if (!status || shrunk.end != Eviction::Shrunk::End::out_of_steps) break;
  }
  if (made == 0) exhausted_until_ = parts_.clock.now() + kRest;
  return made;
}

std::uint64_t Evictor::let_go(const std::vector<IndexWriter::Victim>& victims) {
  std::uint64_t room = 0;
  std::vector<Digest> digests;
  for (const auto& victim : victims) {
    room += victim.size;
    digests.push_back(victim.digest);
    if (const auto file = parts_.open_files.find(victim.digest)) lingering_.push_back({file, victim.size});
    parts_.open_files.forget(victim.digest);
  }
  (void)parts_.unsettled.remove_files(digests);  // what stays is noted, and tried again
  evicted_blobs_ += victims.size();
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
