#include "cache/fill.h"

#include <algorithm>
#include <vector>

namespace weir {
namespace {

// How much more is held for a blob whose size nobody said, each time it needs more.
constexpr std::uint64_t kStep = 16 << 20;
// How much is hashed by one job of the pool, which others wait for.
constexpr std::uint64_t kHashedAtOnce = 8 << 20;

}  // namespace

Fill::Fill(BlobStore& store, Digest digest, Name repository, const OpenBlob& stored)
    : store_(store), digest_(std::move(digest)), repository_(std::move(repository)), stored_(true), reservation_(store.budget()),
      hasher_(digest_.algorithm()), progress_{State::growing, stored.size, stored.size, std::nullopt}, file_(stored.file) {}

Fill::Progress Fill::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

std::uint64_t Fill::available(const Progress& progress, bool whole) {
  if (progress.state == State::verified) return progress.written;
  if (progress.state != State::growing) return 0;
  if (!whole) return progress.written;
  if (!progress.size) return progress.written - std::min(progress.written, kLastPiece);
  return std::min(progress.written, *progress.size - std::min(*progress.size, kLastPiece));
}

Task<Fill::Progress> Fill::wait_head(Loop& loop, Milliseconds timeout) {
  const Instant deadline = loop.now() + timeout;
  for (;;) {
    std::unique_lock lock(mutex_);
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop.now());
    if (progress_.state != State::opening || left.count() <= 0) co_return progress_;
    const bool woken = co_await readers_.wait(lock, loop, left);
    (void)woken;  // both lead to another look
  }
}

Task<Fill::Progress> Fill::wait_beyond(Loop& loop, std::uint64_t offset, bool whole, Milliseconds timeout) {
  const Instant deadline = loop.now() + timeout;
  for (;;) {
    std::unique_lock lock(mutex_);
    const bool ready = progress_.state == State::verified || progress_.state == State::failed ||
                       available(progress_, whole) > offset;
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop.now());
    if (ready || left.count() <= 0) co_return progress_;
    const bool woken = co_await readers_.wait(lock, loop, left);
    (void)woken;  // both lead to another look
  }
}

void Fill::add_proven(const Name& repository) {
  std::lock_guard lock(mutex_);
  proven_.insert(repository);
}

bool Fill::is_proven(const Name& repository) const {
  std::lock_guard lock(mutex_);
  return proven_.contains(repository);
}

std::set<Name> Fill::proven() const {
  std::lock_guard lock(mutex_);
  return proven_;
}

std::shared_ptr<const UniqueFd> Fill::file() const {
  std::lock_guard lock(mutex_);
  return file_;
}

Task<Result<std::uint64_t>> Fill::open(Loop& loop) {
  auto opened = co_await store_.pool().run(loop, [this]() -> Result<std::uint64_t> {
    const auto waited = store_.leftovers().take_partial(partial_name_);  // ours from here
    auto held = open_partial();
    if (!held && waited) store_.leftovers().add_partial(partial_name_, *waited, store_.clock().wall_seconds());
    return held;
  });
  if (!opened || *opened == 0) co_return opened;
  auto reserved = co_await store_.evictor().reserve(loop, reservation_, room_of(*opened));
  if (!reserved) co_return std::move(reserved).error();
  reservation_.note_given(room_of(*opened));  // it is there already
  co_return opened;
}

Result<std::uint64_t> Fill::open_partial() {
  auto file = store_.disk().open(store_.layout().partial(partial_name_), FileSystem::Mode::create_or_append);
  if (!file) {
    auto error = std::move(file).error();
    // Of a folder that is gone, not of a blob.
    if (error.failure == Failure::not_found) error.failure = Failure::io;
    return error;
  }
  const auto size = store_.disk().size(file->get());
  if (!size) return size;
  std::lock_guard lock(mutex_);
  file_ = std::make_shared<const UniqueFd>(*std::move(file));
  progress_.written = *size;
  return size;
}

// Noted while the bytes come, so that nobody waits for it at their end.
void Fill::announce() {
  if (!coming_) coming_ = store_.unsettled().coming(digest_);
}

Task<Status> Fill::reserve(Loop& loop, std::uint64_t size) {
  announce();
  auto reserved = co_await store_.evictor().reserve(loop, reservation_, room_of(size));
  if (!reserved) co_return reserved;
  auto allocated = co_await store_.pool().run(loop, [this, size] { return store_.disk().allocate(file_->get(), size); });
  if (!allocated) co_return std::move(allocated).error();
  if (*allocated) reservation_.note_given(room_of(size));
  co_return ok_status();
}

Task<Status> Fill::restart(Loop& loop) {
  auto status = co_await store_.pool().run(loop, [this] { return store_.disk().truncate(file_->get(), 0); });
  if (status) {
    std::lock_guard lock(mutex_);
    progress_.written = 0;
  }
  co_return status;
}

void Fill::head(std::optional<std::uint64_t> size) {
  std::lock_guard lock(mutex_);
  progress_.size = size;
  progress_.state = State::growing;
  readers_.wake_all();
}

// What an earlier program wrote is hashed from the file; what this one writes, from memory.
Status Fill::hash_held(std::uint64_t until) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(1 << 20, until - hashed_));
  while (hashed_ < until) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), until - hashed_);
    const auto count = store_.disk().read_at(file_->get(), std::span(buffer).first(wanted), hashed_);
    if (!count) return count.error();
    if (*count == 0) return Error{Failure::corrupt, Side::local, true, "a partial file became shorter"};
    hasher_.update(std::span(buffer).first(*count));
    hashed_ += *count;
  }
  return ok_status();
}

void Fill::start_hashing(Loop& loop, std::uint64_t begin, std::string bytes) {
  hashing_ = std::make_shared<OneShot<Status>>(loop);
  store_.pool().submit([this, shot = hashing_, begin, bytes = std::move(bytes)] {
    auto status = hash_held(begin);
    if (status) {
      hasher_.update(bytes);
      hashed_ += bytes.size();
    }
    shot->set(std::move(status));
  });
}

Task<Status> Fill::finish_hashing() {
  const auto job = std::exchange(hashing_, nullptr);
  if (!job) co_return ok_status();
  auto status = co_await job->wait();
  co_return std::move(*status);
}

Task<Status> Fill::append(Loop& loop, std::string bytes) {
  const auto begin = progress_.written;  // only the writer changes it
  if (progress_.size && begin + bytes.size() > *progress_.size) {
    co_return Error{Failure::corrupt, Side::upstream, false, "the upstream sent more bytes than it said"};
  }
  announce();
  const auto end = begin + bytes.size();
  if (room_of(end) > reservation_.bytes()) {
    auto reserved = co_await store_.evictor().reserve(loop, reservation_, room_of(progress_.size ? *progress_.size : end + kStep));
    if (!reserved) co_return reserved;
  }
  auto written = co_await store_.pool().run(loop, [this, begin, &bytes] {
    return store_.disk().write_at(file_->get(), std::as_bytes(std::span(bytes)), begin);
  });
  if (!written) co_return written;
  reservation_.note_given(room_of(end));
  {
    // Shown before it is hashed: the readers need not wait for the processor.
    std::lock_guard lock(mutex_);
    progress_.written = begin + bytes.size();
    readers_.wake_all();
  }
  auto hashed = co_await finish_hashing();
  // What an earlier program left is hashed in pieces, as others wait for the pool too.
  while (hashed && hashed_ + kHashedAtOnce < begin) {
    hashed = co_await store_.pool().run(loop, [this] { return hash_held(hashed_ + kHashedAtOnce); });
  }
  if (!hashed) co_return hashed;
  start_hashing(loop, begin, std::move(bytes));
  co_return ok_status();
}

Task<Status> Fill::verify(Loop& loop) {
  auto hashed = co_await finish_hashing();
  const auto written = progress_.written;
  while (hashed && hashed_ + kHashedAtOnce < written) {
    if (stored_ && store_.ending()) co_return Error{Failure::cancelled, Side::local, true, "the program ends"};
    hashed = co_await store_.pool().run(loop, [this] { return hash_held(hashed_ + kHashedAtOnce); });
  }
  if (!hashed) co_return hashed;
  auto status = co_await store_.pool().run(loop, [this, written]() -> Status {
    if (auto held = hash_held(written); !held) return held;
    if (progress_.size && written != *progress_.size) {
      return Error{Failure::corrupt, Side::upstream, true,
                   "the upstream sent " + std::to_string(written) + " of " + std::to_string(*progress_.size) + " bytes"};
    }
    if (Digest::from_raw(digest_.algorithm(), hasher_.finish()) != digest_) {
      return Error{Failure::corrupt, stored_ ? Side::local : Side::upstream, false,
                   "the bytes do not have the digest " + digest_.text()};
    }
    return ok_status();
  });
  if (status) {
    std::lock_guard lock(mutex_);
    progress_.size = progress_.written;
    progress_.state = State::verified;
    readers_.wake_all();
  }
  co_return status;
}

Task<Status> Fill::adopt(Loop& loop, Index::Mutation mutation) {
  const auto file = this->file();
  const auto size = *progress().size;
  announce();
  auto status = co_await store_.adopt_partial(loop, digest_, partial_name_, *coming_, file->get(), size, std::move(mutation));
  if (status) store_.open_files().add(digest_, file);  // as long as readers are at it
  else {
    auto kept = co_await keep_partial(loop);
    (void)kept;
  }
  coming_.reset();
  reservation_.shrink_to(0);
  co_return status;
}

Task<void> Fill::fail(Loop& loop, Error error) {
  auto hashed = co_await finish_hashing();
  (void)hashed;  // it has failed already
  const bool full = error.failure == Failure::no_space || error.failure == Failure::over_budget;
  const bool discard = error.failure == Failure::corrupt || full || !store_.options().resume_partial;
  if (!stored_ && file()) {
    // An empty file is nothing to resume.
    if (discard || progress().written == 0) {
      auto removed = co_await store_.pool().run(loop, [this] {
        return store_.disk().remove(store_.layout().partial(partial_name_));
      });
      (void)removed;  // a leftover is found wrong again, or removed at the next start
    } else {
      auto kept = co_await keep_partial(loop);
      (void)kept;
    }
  }
  coming_.reset();
  reservation_.shrink_to(0);
  set_state(State::failed, std::move(error));
}

// What was allocated for the rest is given back; what is there waits, if it still has that name.
Task<Status> Fill::keep_partial(Loop& loop) {
  const auto written = progress().written;
  auto status = co_await store_.pool().run(loop, [this, written]() -> Status {
    const auto named = store_.disk().open(store_.layout().partial(partial_name_), FileSystem::Mode::read);
    if (!named && named.error().failure == Failure::not_found) return named.error();
    store_.leftovers().add_partial(partial_name_, written, store_.clock().wall_seconds());
    return store_.disk().truncate(file_->get(), written);
  });
  co_return status;
}

void Fill::set_state(State state, std::optional<Error> error) {
  std::lock_guard lock(mutex_);
  progress_.state = state;
  progress_.error = std::move(error);
  readers_.wake_all();
}

}  // namespace weir
