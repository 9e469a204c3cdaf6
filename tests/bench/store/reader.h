#pragma once
// Reader: a client that asks for blobs at random, every other of them never stored, and notes how long the answers took.
// Thread: its own.

#include <random>

#include "cache/blob_store.h"
#include "tests/bench/store/latencies.h"
#include "tests/bench/store/population.h"

namespace bench {

class Reader {
 public:
  Reader(weir::BlobStore& store, const Population& blobs, std::uint64_t seed) : store_(store), blobs_(blobs), random_(seed) {}

  // Throws when the answer is wrong; a blob that is gone is one when `may_go` is false.
  void look_up(bool may_go);
  // The same, and opens what is held. A file may go between the two.
  void look_up_and_open();

  const Latencies& lookups() const noexcept { return lookups_; }
  const Latencies& opens() const noexcept { return opens_; }

 private:
  std::optional<weir::BlobRecord> look_up(std::uint64_t number, const weir::Digest& digest, bool may_go);

  weir::BlobStore& store_;
  const Population& blobs_;
  std::mt19937_64 random_;
  Latencies lookups_, opens_;
};

}  // namespace bench
