#pragma once
// Fill: a blob that is still growing. The cache owns it; clients, the first and the hundredth, are readers of one file.
//
//   opening --head()--> growing --append()*--> growing --verify()--> verified --(adopted)--> gone from the table
//       \______________________ fail() ______________________/
//
// A stored blob that is due to be hashed again is one as well: it has grown already, and only its digest is waited for.
//
// Guarantee: before `verified`, available(whole) stops short of the last piece, so no reader that wants the whole gets it
// before length and digest agreed. After fail() nothing more is handed out.
//
// Thread: readers on any loop; the writer (one Task) on one loop, its disk work on the pool.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/disk_pool.h"
#include "base/file_system.h"
#include "base/wait.h"
#include "cache/blob_sink.h"
#include "cache/blob_store.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace weir {

class Fill final : public BlobSink {
 public:
  enum class State { opening, growing, verified, failed };

  // The end of a whole response that waits for the digest. Small enough that a client notices no pause, large enough
  // that what is missing can never be guessed.
  static constexpr std::uint64_t kLastPiece = 64 << 10;

  Fill(BlobStore& store, Digest digest, Name repository)
      : store_(store), digest_(std::move(digest)), repository_(std::move(repository)),
        partial_name_(Layout::partial_name(digest_, repository_.text())), reservation_(store.budget()),
        hasher_(digest_.algorithm()) {}
  // Over a blob that is stored and was opened: growing, with all its bytes. Only verify() and fail() are called.
  Fill(BlobStore& store, Digest digest, Name repository, const OpenBlob& stored);
  Fill(const Fill&) = delete;

  const Digest& digest() const noexcept override { return digest_; }
  // Through which the upstream is asked. Others need an answer of their own before they join.
  const Name& repository() const noexcept { return repository_; }
  // Another repository whose upstream has the same bytes, as far as they were compared: it need not compare them again, and is
  // linked with the first once the digest has matched. Twice is once.
  void add_proven(const Name& repository);
  bool is_proven(const Name& repository) const;
  std::set<Name> proven() const;
  // It is a blob of the store that is hashed again.
  bool stored() const noexcept { return stored_; }

  // ---- readers --------------------------------------------------------------------------------
  struct Progress {
    State state = State::opening;
    std::optional<std::uint64_t> size;  // nothing: the upstream did not say; known once verified
    std::uint64_t written = 0;
    std::optional<Error> error;         // when failed
  };
  Progress progress() const;
  // How far a response may go now: `whole` ones stop before the last piece until the digest agreed.
  static std::uint64_t available(const Progress& progress, bool whole);

  // Returns once the upstream answered (no longer opening), or `timeout` passed.
  Task<Progress> wait_head(Loop& loop, Milliseconds timeout);
  // Returns once available(whole) > offset, or the state is verified or failed, or `timeout` passed.
  Task<Progress> wait_beyond(Loop& loop, std::uint64_t offset, bool whole, Milliseconds timeout);

  // Valid once growing.
  std::shared_ptr<const UniqueFd> file() const;

  // ---- the writer -----------------------------------------------------------------------------
  // Opens the partial file and starts hashing what it holds; those bytes count as written at once.
  // Returns how many there are. Error: over_budget, no_space; io.
  Task<Result<std::uint64_t>> open(Loop& loop);
  // Takes the room, from other blobs where it must, and on the disk. Error: over_budget, no_space; io.
  Task<Status> reserve(Loop& loop, std::uint64_t size) override;
  std::uint64_t written() const override { return progress().written; }
  bool opened() const override { return progress().state != State::opening; }
  Task<Status> restart(Loop& loop) override;
  // Readers may send their heads.
  void head(std::optional<std::uint64_t> size) override;
  // Writes and shows to the readers; hashes on another pool thread while the next piece is received and written.
  // Error: the disk's; or corrupt when there are more bytes than the size.
  Task<Status> append(Loop& loop, std::string bytes) override;
  // Length and digest. Ok: the readers get the last piece. Corrupt: the partial file is removed.
  Task<Status> verify(Loop& loop);
  // Makes it a blob of the store, in one transaction with `mutation`.
  Task<Status> adopt(Loop& loop, Index::Mutation mutation);
  // Readers get no more from here. The partial file stays for a later resume, unless the bytes are wrong, there is no room for
  // them, or resuming is off.
  Task<void> fail(Loop& loop, Error error);

 private:
  Result<std::uint64_t> open_partial();
  Status hash_held(std::uint64_t until);
  void announce();
  Task<Status> keep_partial(Loop& loop);
  void start_hashing(Loop& loop, std::uint64_t begin, std::string bytes);
  Task<Status> finish_hashing();
  void set_state(State state, std::optional<Error> error);

  BlobStore& store_;
  const Digest digest_;
  const Name repository_;
  const std::string partial_name_;  // in partial/; made once, since it takes a hash
  const bool stored_ = false;
  Reservation reservation_;                          // the writer's, as coming_
  std::unique_ptr<Unsettled::Coming> coming_;
  Hasher hasher_;                                    // the hashing job's; one job at a time
  std::uint64_t hashed_ = 0;                         // the same
  std::shared_ptr<OneShot<Status>> hashing_;         // the writer's: the job that may be under way

  mutable std::mutex mutex_;
  Progress progress_;                  // guarded by mutex_
  std::shared_ptr<const UniqueFd> file_;  // guarded by mutex_
  WaitList readers_;                   // guarded by mutex_
  std::set<Name> proven_;              // guarded by mutex_
};

}  // namespace weir
