#pragma once
// Eviction: which blobs go when there is no room. S3-FIFO with sizes; docs/decisions/0006 says why.
//
//   small  what came lately, a twentieth of the capacity
//   main   what was used while it was in small, or was wanted again soon after it had left
//   ghost  what left small unused: its key and its size, no bytes
//
// A blob enters at a queue's tail and is looked at when it reaches the head. Used since then: from small it moves to
// main, in main it goes round once more for each use, three at most. Not used: it is evicted, but one that several images
// share goes round in main once more first, so that what is an image's own goes before it. A use moves nothing.
//
// What is remembered lies behind EvictionStore, so it may be in memory or in tables on disk; nothing here grows.
// Guarantees:
// - What `keep` names is never evicted. It goes round, and a search that finds nothing else ends.
// - No search looks at more than `steps` records, so a transaction has a bound; the next one goes on where it ended.
// - Sums are exact: State says what is in the store, record by record, after each call.
// - Ghosts are never more than blobs are held, or become so within a few calls, and their sizes stay below a share of
//   the capacity in the same way.
// - A use is written when it changes something: three times while a blob goes round once, and not within ten minutes.
//
// Thread: one at a time, as the store wants it.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace weir {

struct EvictionOptions {
  std::uint64_t capacity = 0;      // bytes; what the shares below are shares of
  unsigned small_percent = 5;     // above it, small is searched first
  unsigned ghost_percent = 50;     // sum of the sizes that ghosts had
  WallSeconds use_interval = 600;  // uses that follow each other faster are one use
};

enum class EvictionQueue : std::uint8_t { small, main, ghost };

struct EvictionRecord {
  EvictionQueue queue = EvictionQueue::small;
  std::uint8_t uses = 0;  // since it was last looked at, at most kMostUses
  bool spared = false;    // it goes round unused, for it is shared
  std::uint64_t sequence = 0;  // its place in the queue
  std::uint64_t size = 0;
  WallSeconds used_at = 0;  // the last use that counted; first: when it came

  static constexpr std::uint8_t kMostUses = 3;
  friend bool operator==(const EvictionRecord&, const EvictionRecord&) = default;
};

// What must be remembered beside the records, and saved with them.
struct EvictionState {
  struct Totals {
    std::uint64_t count = 0, bytes = 0;
    friend bool operator==(const Totals&, const Totals&) = default;
  };
  std::array<Totals, 3> queues;
  std::uint64_t next_sequence = 0;

  Totals& operator[](EvictionQueue queue) { return queues[static_cast<std::size_t>(queue)]; }
  const Totals& operator[](EvictionQueue queue) const { return queues[static_cast<std::size_t>(queue)]; }
  std::uint64_t held() const { return queues[0].count + queues[1].count; }
  std::uint64_t held_bytes() const { return queues[0].bytes + queues[1].bytes; }
};

// Records by key, and three queues of keys, each ordered by sequence. Sequences are given in rising order and never
// twice, so a queue is appended to at its end. One that can fail keeps its first error, does nothing from then on and
// finds nothing; whoever owns its transaction asks it before the commit, and drops the State too.
class EvictionStore {
 public:
  virtual ~EvictionStore() = default;
  virtual std::optional<EvictionRecord> find(std::string_view key) = 0;
  virtual void put(std::string_view key, const EvictionRecord& record) = 0;
  virtual void erase(std::string_view key) = 0;

  struct Entry {
    std::uint64_t sequence = 0;
    std::string key;
  };
  virtual std::optional<Entry> head(EvictionQueue queue) = 0;
  virtual void append(EvictionQueue queue, std::uint64_t sequence, std::string_view key) = 0;
  virtual void take(EvictionQueue queue, std::uint64_t sequence) = 0;
};

class Eviction {
 public:
  // All three outlive it. Short-lived where the store is a transaction.
  Eviction(const EvictionOptions& options, EvictionStore& store, EvictionState& state)
      : options_(options), store_(store), state_(state) {}

  // The blob is stored. It evicts nothing: make room first. One that is held already is used.
  void insert(std::string_view key, std::uint64_t size, WallSeconds now);
  // The blob is used. False: nothing was written. A blob that is not held is left alone.
  bool use(std::string_view key, WallSeconds now);
  // The blob is gone for another reason. A ghost is forgotten as well.
  void remove(std::string_view key);

  using Question = std::function<bool(std::string_view key)>;
  // Asked only of those that would go next.
  struct Questions {
    Question keep;    // it must stay: it is pinned, or open
    Question shared;  // several images have it
  };
  struct Victim {
    std::string key;
    std::uint64_t size = 0;
  };
  struct Shrunk {
    enum class End { done, nothing_left, out_of_steps };
    End end = End::done;
    std::vector<Victim> victims;  // their records are gone; in the order in which they went
  };
  // Evicts until at most `bytes` are held. `kept` is what a search remembers from one call to the next: how many of main in a
  // row had to stay.
  Shrunk shrink(std::uint64_t bytes, const Questions& ask, std::uint64_t steps, std::uint64_t& kept);
  Shrunk shrink(std::uint64_t bytes, const Questions& ask, std::uint64_t steps = UINT64_MAX) {
    std::uint64_t kept = 0;
    return shrink(bytes, ask, steps, kept);
  }
  // Evicts this blob before its turn, if it is held, was not used since it was last looked at, and need not be kept.
  std::optional<Victim> evict_unused(std::string_view key, const Question& keep);

 private:
  using Queue = EvictionQueue;
  std::uint64_t percent(unsigned share) const { return options_.capacity / 100 * share; }
  void enter(Queue queue, std::string_view key, EvictionRecord record);
  void leave(const EvictionRecord& record);
  Victim evict(std::string_view key, const EvictionRecord& record);
  void trim_ghosts();

  const EvictionOptions& options_;
  EvictionStore& store_;
  EvictionState& state_;
};

}  // namespace weir
