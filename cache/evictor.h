#pragma once
// Evictor: makes room. It lets blobs go ahead of need, and at once for a download that must know it will fit.
//
// Never evicted: what is open, what is pinned, what was used within `keep_within`, and last copies up to their limit. The order
// of the rest is Eviction's. A record goes first, then its file, while the next ones are chosen.
//
// Thread: a thread of its own, and some that remove files; reserve() on any loop. Whoever waits in reserve() must have gone
// before this is destroyed.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <list>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/disk_pool.h"
#include "base/wait.h"
#include "cache/ballast.h"
#include "cache/budget.h"
#include "cache/open_files.h"
#include "cache/pins.h"
#include "cache/unsettled.h"

namespace weir {

class Evictor {
 public:
  struct Parts {
    const Clock& clock;
    const CacheOptions& options;
    Index& index;
    Budget& budget;
    Leftovers& leftovers;
    OpenFiles& open_files;
    Pins& pins;
    Unsettled& unsettled;
    Ballast& ballast;
  };
  explicit Evictor(const Parts& parts);
  ~Evictor();

  // Grows `reservation` to `total` bytes, after what must go for it has gone.
  // Error: over_budget when it can never fit or not enough may go; no_space when others have filled the file system so that
  // nothing fits.
  Task<Status> reserve(Loop& loop, Reservation& reservation, std::uint64_t total);
  // Looks now instead of within a second.
  void wake();

  std::uint64_t evicted_blobs() const { return evicted_blobs_.load(); }
  std::uint64_t evicted_bytes() const { return evicted_bytes_.load(); }

 private:
  struct Request {
    Reservation* reservation = nullptr;
    std::uint64_t total = 0;
    std::shared_ptr<OneShot<Status>> done;
  };
  // Evicted while somebody was opening it: its room comes back with the last reader.
  struct Lingering {
    std::weak_ptr<const UniqueFd> file;
    std::uint64_t room = 0;
  };

  // Files on their way out; their records have gone.
  struct Removal {
    std::uint64_t room = 0;
    std::vector<std::future<bool>> taken;  // whether all of a part are
  };

  void serve();
  void look_after();
  Status grant(const Request& request);
  std::uint64_t make_room(std::uint64_t bytes);
  std::uint64_t evict(std::uint64_t bytes);
  Removal let_go(const std::vector<IndexWriter::Victim>& victims);
  std::uint64_t finish(Removal& removal);
  bool must_stay(const IndexWriter& writer, const Digest& digest, const BlobRecord& record, std::uint64_t last_copies);
  std::uint64_t lingering_room();
  Error refusal() const;

  const Parts parts_;
  DiskPool removers_;
  std::atomic<std::uint64_t> evicted_blobs_{0}, evicted_bytes_{0};
  std::list<Lingering> lingering_;  // the thread's, as all below
  std::uint64_t stuck_ = 0;  // room of blobs that went and whose files could not be removed
  Instant exhausted_until_{};
  Instant reserve_rests_until_{};
  Instant next_cleaning_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> waiting_;  // guarded by mutex_
  bool woken_ = false;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;  // set under mutex_
  std::thread thread_;
};

}  // namespace weir
