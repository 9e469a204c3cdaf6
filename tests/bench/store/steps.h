#pragma once
// The steps of the measurement, each in a process of its own: none finds in memory what another has left there.
// A step prints `NAME NUMBER` lines, and throws what went wrong.

#include <cstdint>
#include <memory>
#include <string>

#include "base/disk_pool.h"
#include "cache/blob_store.h"
#include "tests/bench/store/population.h"

namespace bench {

struct Settings {
  std::string folder;  // of the store, absolute
  std::uint64_t count = 0;
  bool files = true;  // false: there are records only
};

// Makes the store.
void fill(const Settings& settings);
// Opens it, and asks a little where nothing is in memory yet.
void start(const Settings& settings);
// Opens it and asks for a million blobs while others are touched.
void serve(const Settings& settings);
// Opens it with half the room that it takes, and asks until the other half has gone.
void evict(const Settings& settings);

void print(const std::string& name, double number);
double seconds_since(weir::Instant began);
// Memory that is no file's, of this process, in bytes.
double anonymous_memory();

// An open store, timed.
class OpenStore {
 public:
  // `capacity` 0: nothing is to go.
  OpenStore(const Settings& settings, std::uint64_t capacity);
  weir::BlobStore& operator*() { return *store_; }
  weir::BlobStore* operator->() { return store_.get(); }
  double seconds() const noexcept { return seconds_; }

 private:
  weir::SystemClock clock_;
  weir::RealFileSystem disk_;
  weir::DiskPool pool_;
  std::unique_ptr<weir::BlobStore> store_;
  double seconds_ = 0;
};

}  // namespace bench
