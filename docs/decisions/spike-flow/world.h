#pragma once
// The world the three flows are written against: scripted clients, an index, blobs that grow, a meter, one event loop.
//
// What a client asks for, and which error it meets, depends only on its number and on how many requests it made before,
// so every flow must reach the same totals. Whether something is ready at once or later is drawn from the world's dice.
// Nothing here allocates once the world is built.
//
// Waiting has one form: ask `ready()`; if not, leave a Waiter with `wake_when_ready`, return to the loop, and take the
// answer when woken. Destroying a Waiter or a FillReader withdraws it; a Lookup that the pool holds must not be destroyed.

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

struct event;
struct event_base;

namespace spike {

enum class Error { kBadHead, kUnknown, kUpstreamBroke, kClientGone, kLedgerFull };

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(error) {}
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  Error error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

// Someone to be woken once. Linked into at most one WaitList; unlinks itself when destroyed.
class Waiter {
 public:
  Waiter(void (*action)(void*), void* who) : action_(action), who_(who) {}
  Waiter(const Waiter&) = delete;
  ~Waiter() { unlink(); }
  void wake() { action_(who_); }
  void unlink();

 private:
  friend class WaitList;
  void (*action_)(void*);
  void* who_;
  Waiter* next_ = this;
  Waiter* previous_ = this;
};

class WaitList {
 public:
  bool empty() const { return ends_.next_ == &ends_; }
  void add(Waiter& waiter);
  void take_all(WaitList& other);  // REQUIRES: this list is empty
  Waiter* pop();                   // REQUIRES: not empty

 private:
  Waiter ends_{nullptr, nullptr};
};

// Wakes what was posted, a batch at each turn of a libevent loop. Only post_from_elsewhere may be called by other threads.
class Loop {
 public:
  Loop();
  ~Loop();
  void post(Waiter& waiter);
  void post_from_elsewhere(Waiter& waiter);
  void run_turn();  // waits for something to do, does it, returns

 private:
  void wake_batch();

  event_base* base_;
  event* turn_;
  WaitList ready_;
  std::mutex mutex_;
  WaitList from_elsewhere_;  // guarded by mutex_
};

// A small, fast generator; the same numbers on every machine.
inline std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

class Dice {
 public:
  bool one_in(unsigned sides) { return mix(++state_ * 0x9e3779b97f4a7c15u) % sides == 0; }

 private:
  std::uint64_t state_ = 0;
};

inline constexpr std::size_t kPieceBytes = 64 * 1024;
inline constexpr std::size_t kBlobBytes = 8 * kPieceBytes;
inline constexpr std::size_t kRefusalBytes = 120;
inline constexpr unsigned kBlobs = 256;

// A blob that grows by two pieces a turn while someone reads it. Some are whole from the start, some break half way.
class Fill {
 public:
  Fill(Loop& loop, unsigned digest);

 private:
  friend class FillReader;
  static void grow(void* self);

  Loop& loop_;
  const bool whole_;
  const std::size_t end_;  // where the upstream stops sending: at the end, or half way
  std::size_t grown_;
  unsigned readers_ = 0;
  Waiter growth_{&Fill::grow, this};
  WaitList waiting_;
};

class FillReader {
 public:
  explicit FillReader(Fill& fill);
  FillReader(FillReader&& other) noexcept : fill_(other.fill_) { other.fill_ = nullptr; }
  FillReader& operator=(FillReader&&) = delete;
  ~FillReader();
  std::size_t size() const { return kBlobBytes; }
  bool ready(std::size_t offset) const;
  void wake_when_ready(Waiter& waiter) { fill_->waiting_.add(waiter); }
  Result<std::size_t> grown(std::size_t offset) const;  // how many bytes may be read; REQUIRES: ready, or woken

 private:
  Fill* fill_;
};

struct Head {
  std::string repository;
  unsigned digest;
};

// One end of a connection; the other is a script of so many requests, which may come over several connections.
class Client {
 public:
  // `closed` is posted when a connection was closed; a client of no requests stays connected and silent.
  Client(Loop& loop, Dice& dice, unsigned number, unsigned requests, Waiter& closed)
      : loop_(loop), dice_(dice), number_(number), requests_(requests), closed_(closed) {}
  bool head_ready() { return requests_ > 0 && !dice_.one_in(2); }
  void wake_when_head(Waiter& waiter);
  Result<Head> take_head();
  bool write_ready() { return !dice_.one_in(3); }
  void wake_when_writable(Waiter& waiter) { loop_.post(waiter); }
  Result<std::size_t> write(std::size_t bytes);
  void close();  // the flow's last word
  bool finished() const { return finished_; }

 private:
  std::uint64_t script() const { return mix(number_ * 1000003u + request_); }

  Loop& loop_;
  Dice& dice_;
  const unsigned number_;
  const unsigned requests_;
  Waiter& closed_;
  unsigned request_ = 0;
  unsigned pieces_ = 0;
  bool gone_ = false;
  bool finished_ = false;
};

// Which blobs there are. Half the answers come later; with a pool, those are found out by its thread.
class Index {
 public:
  Index(Loop& loop, Dice& dice, bool with_pool);
  ~Index();

 private:
  friend class Lookup;
  void work();

  Loop& loop_;
  Dice& dice_;
  std::vector<std::unique_ptr<Fill>> fills_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::vector<class Lookup*> jobs_;  // guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
  std::thread pool_;
};

class Lookup {
 public:
  Lookup(Index& index, unsigned digest) : index_(index), digest_(digest) {}
  Lookup(const Lookup&) = delete;
  bool ready();
  void wake_when_ready(Waiter& waiter);
  Result<FillReader> take();

 private:
  friend class Index;
  void find() { found_ = digest_ % 97 != 3; }

  Index& index_;
  const unsigned digest_;
  bool found_ = false;
  Waiter* waiter_ = nullptr;
};

enum class Outcome { kServed, kBadHead, kUnknown, kUpstreamBroke, kClientGone };

Outcome outcome_of(Error error);
inline bool stays_open(Outcome outcome) { return outcome == Outcome::kServed || outcome == Outcome::kUnknown; }

// One request's line in the ledger.
struct Account {
  Outcome outcome = Outcome::kServed;
  std::size_t body_bytes = 0;
  std::size_t refusal_bytes = 0;
};

class Meter {
 public:
  Result<unsigned> record(const Account& account);  // its line number; every thousandth finds the ledger full
  std::uint64_t digest() const;                     // one number that differs when any total differs
  unsigned requests() const { return requests_; }

 private:
  std::array<std::uint64_t, 5> outcomes_{};
  std::uint64_t body_bytes_ = 0;
  std::uint64_t refusal_bytes_ = 0;
  unsigned requests_ = 0;
};

struct World {
  explicit World(bool with_pool = false) : index(loop, dice, with_pool) {}

  Loop loop;
  Dice dice;
  Index index;
  Meter meter;
};

}  // namespace spike
