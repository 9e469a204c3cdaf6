#include "cache/scrub.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace weir {
namespace {

constexpr std::size_t kPiece = 256 << 10;
constexpr std::size_t kListed = 64;          // blobs between two looks into the index
constexpr auto kBetweenPasses = Seconds(3600);
constexpr auto kBetweenSaves = Seconds(10);
constexpr auto kAfterTrouble = Seconds(10);
constexpr unsigned kMostInARow = 3;
constexpr std::string_view kMetaName = "scrub";
// ioprio_set(2). <linux/ioprio.h> is not included: since 6.1.192 it names a parameter `class`, which is no C++.
constexpr int kIoPriorityWhoProcess = 1;
constexpr int kIoPriorityIdle = 3 << 13;  // the class IDLE, shifted above the level

void ask_for_lowest_priority() {
  // Refused, it reads as everybody does.
  (void)::syscall(SYS_ioprio_set, kIoPriorityWhoProcess, 0, kIoPriorityIdle);
}

}  // namespace

Scrub::Scrub(BlobStore& store, Log& log) : store_(store), log_(log) { restore(); }

Scrub::~Scrub() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Scrub::start() {
  thread_ = std::thread([this] { serve(); });
  ::pthread_setname_np(thread_.native_handle(), "weir-scrub");
}

void Scrub::begin_now() {
  {
    std::lock_guard lock(mutex_);
    now_ = true;
    state_ = State{.running = true, .whole = true};
  }
  changed_.notify_all();
}

Scrub::State Scrub::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

Scrub::State Scrub::run_whole_pass() {
  begin_now();
  ask_for_lowest_priority();
  go_on();
  return state();
}

void Scrub::serve() {
  ask_for_lowest_priority();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const bool by_itself = store_.options().scrub_rate > 0;
      const auto asked = [this] { return stopping_ || now_; };
      // One that somebody waits for is gone on with whatever the rate.
      if (!by_itself && !(state_.running && state_.whole)) changed_.wait(lock, asked);
      else if (!state_.running) changed_.wait_for(lock, kBetweenPasses, asked);
      if (stopping_) return;
    }
    go_on();
  }
}

// To the end of a pass, or until it is given up.
void Scrub::go_on() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(now_, false) || !state_.running) {
      state_ = State{.running = true, .whole = state_.running && state_.whole, .began = store_.clock().wall_seconds()};
      key_.clear();
    }
  }
  for (;;) {
    const auto blobs = store_.index().blobs_after(key_, kListed);
    for (const auto& blob : blobs) {
      const bool on = look_at(blob);
      if (!on || store_.clock().now() >= next_save_) {
        next_save_ = store_.clock().now() + kBetweenSaves;
        save(key_);
      }
      if (!on) return;
    }
    if (blobs.size() < kListed) break;
  }
  State ended;
  {
    std::lock_guard lock(mutex_);
    if (now_) return;
    state_.running = false;
    state_.ended = store_.clock().wall_seconds();
    ended = state_;
  }
  key_.clear();
  save(key_);
  log_.info("scrub ended", {{"blobs", ended.looked},
                            {"hashed", ended.hashed},
                            {"bytes", ended.bytes},
                            {"rotten", ended.rotten},
                            {"unreadable", ended.unreadable}});
}

// False: the pass is given up.
bool Scrub::look_at(const Index::Listed& blob) {
  bool whole = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || now_) return false;
    whole = state_.whole;
  }
  const auto age = store_.clock().wall_seconds() - blob.record.verified_at;
  const bool due = whole || age >= kYoung;
  auto found = due ? hash(blob) : Result<Found>(Found::gone);
  if (!found && found.error().failure != Failure::cancelled) {
    log_.warning("scrub cannot open a blob, and rests", {{"digest", blob.digest.text()}, {"error", found.error().what}});
    if (!rest(kAfterTrouble)) return false;
    found = Found::gone;
  }
  if (!found) return false;
  // One bad sector is a blob's; many blobs in a row that cannot be read are the disk's, and none of them is given up.
  unreadable_in_a_row_ = *found == Found::unreadable ? unreadable_in_a_row_ + 1 : due ? 0 : unreadable_in_a_row_;
  if (unreadable_in_a_row_ > kMostInARow) {
    log_.error("scrub cannot read blob after blob, and rests", {{"digest", blob.digest.text()}});
    if (!rest(kAfterTrouble)) return false;
    found = Found::gone;
  }
  if (*found == Found::right) store_.index().note_verified(blob.digest);
  if (*found == Found::rotten || *found == Found::unreadable) {
    log_.error("a stored blob is not what it was",
               {{"digest", blob.digest.text()},
                {"error", *found == Found::rotten ? "its bytes have another digest" : "it cannot be read"}});
    if (auto status = store_.quarantine(blob.digest, blob.record); !status)
      log_.error("a rotten blob cannot be put aside", {{"digest", blob.digest.text()}, {"error", status.error().what}});
  }
  std::lock_guard lock(mutex_);
  ++state_.looked;
  state_.hashed += *found == Found::right || *found == Found::rotten ? 1 : 0;
  state_.rotten += *found == Found::rotten ? 1 : 0;
  state_.unreadable += *found == Found::unreadable ? 1 : 0;
  key_ = records::digest_key(blob.digest);
  return true;
}

// Error: cancelled, the pass is given up.
Result<Scrub::Found> Scrub::hash(const Index::Listed& blob) {
  FileSystem& disk = store_.disk();
  const auto file = disk.open(store_.layout().blob(blob.digest), FileSystem::Mode::read);
  if (!file) {
    // Nothing is said of a blob that cannot be opened for want of a descriptor, or because the whole disk is away.
    if (file.error().failure != Failure::not_found) return file.error();
    store_.forget(blob.digest);  // evicted, or lost
    return Found::gone;
  }
  // What the disk has is asked for, not what memory remembers of it.
  disk.drop_cached(file->get());
  Hasher hasher(blob.digest.algorithm());
  std::vector<std::byte> buffer(kPiece);
  std::uint64_t offset = 0;
  for (;;) {
    const auto count = disk.read_at(file->get(), buffer, offset);
    if (!count) return Found::unreadable;
    hasher.update(std::span(buffer).first(*count));
    offset += *count;
    bytes_read_.fetch_add(*count);
    if (*count < buffer.size()) break;
    if (!pause(*count)) return Error{Failure::cancelled, Side::local, true, "the pass is given up"};
  }
  disk.drop_cached(file->get());
  const bool right = offset == blob.record.size && Digest::from_raw(blob.digest.algorithm(), hasher.finish()) == blob.digest;
  if (!pause(offset % buffer.size())) return Error{Failure::cancelled, Side::local, true, "the pass is given up"};
  return right ? Found::right : Found::rotten;
}

// False: stop.
bool Scrub::rest(Milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, duration, [this] { return stopping_ || now_; });
}

// So long that the rate is kept; false: stop.
bool Scrub::pause(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  state_.bytes += bytes;
  if (stopping_ || now_) return false;
  const auto rate = store_.options().scrub_rate;
  if (state_.whole || rate == 0) return true;
  const auto rest = std::chrono::microseconds(bytes * 1'000'000 / rate);
  return !changed_.wait_for(lock, rest, [this] { return stopping_ || now_; });
}

void Scrub::save(std::string_view key) {
  std::string value;
  {
    std::lock_guard lock(mutex_);
    for (const auto number :
         {std::uint64_t{state_.running}, std::uint64_t{state_.whole}, state_.looked, state_.hashed, state_.bytes, state_.rotten,
          state_.unreadable, static_cast<std::uint64_t>(state_.began), static_cast<std::uint64_t>(state_.ended)})
      records::put_number(value, number);
  }
  value += key;
  store_.index().submit([value](IndexWriter& writer) { return writer.put_meta(kMetaName, value); }, [](Status) {});
}

void Scrub::restore() {
  const auto value = store_.index().meta(kMetaName);
  if (value.size() < 72) return;
  const auto number = [&value](std::size_t i) { return records::number_at(value, 8 * i); };
  state_ = {number(0) != 0,
            number(1) != 0,
            number(2),
            number(3),
            number(4),
            number(5),
            number(6),
            static_cast<WallSeconds>(number(7)),
            static_cast<WallSeconds>(number(8))};
  key_ = value.substr(72);
}

}  // namespace weir
