#pragma once
// Scrub: reads what is stored again and hashes it, slowly and all the time, to find what the disk has lost before a client
// does. What is wrong goes to quarantine, and comes anew with the next request for it.
//
// A pass goes over all blobs in the order of their digests; where it stands is kept in the index, so that the next program
// goes on there. By itself it passes over what was hashed within kYoung and keeps to the rate; a pass that somebody waits for
// does neither.
//
// Thread: one of its own, with the disk's lowest priority; the rest on any.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "cache/blob_store.h"

namespace weir {

class Scrub {
 public:
  static constexpr WallSeconds kYoung = 7 * 24 * 3600;

  // What a pass has found so far, or the last one found.
  struct State {
    bool running = false;
    bool whole = false;     // it hashes everything, however young
    std::uint64_t looked = 0, hashed = 0, bytes = 0;
    std::uint64_t rotten = 0, unreadable = 0;
    WallSeconds began = 0, ended = 0;  // 0: not yet
  };

  Scrub(BlobStore& store, Log& log);
  ~Scrub();

  void start();
  // A whole pass from the first blob on, at once and as fast as the disk gives; one under way is given up.
  void begin_now();
  State state() const;
  std::uint64_t bytes_read() const { return bytes_read_.load(); }

  // The same pass on the calling thread, for a program that does nothing else.
  State run_whole_pass();

 private:
  enum class Found { right, rotten, unreadable, gone };
  void serve();
  void go_on();
  bool look_at(const Index::Listed& blob);
  Result<Found> hash(const Index::Listed& blob);
  bool pause(std::uint64_t bytes);
  bool rest(Milliseconds duration);
  void save(std::string_view key);
  void restore();

  BlobStore& store_;
  Log& log_;
  std::atomic<std::uint64_t> bytes_read_{0};
  std::string key_;  // the blob that was looked at last; the thread's, as below
  Instant next_save_{};
  unsigned unreadable_in_a_row_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_;             // guarded by mutex_, as below
  bool now_ = false;        // a whole pass was asked for
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir
