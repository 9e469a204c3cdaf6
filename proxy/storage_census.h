#pragma once
// StorageCensus: once an hour, how many bytes are stored for each repository, for the ledger.
//
// A blob that several repositories are linked to is divided among them in equal parts; what is left of the division goes to the
// first ones by name. So the sum over the repositories is what is stored. What no repository is linked to counts for none (`-`).
// An hour counts as it is found at its first moment that the program runs; hours without the program are not counted.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "cache/blob_store.h"
#include "meter/usage_writer.h"

namespace weir {

// Takes short snapshots, one after another: what changes meanwhile is counted before or after. `stop`: give up; then it is empty.
std::vector<UsageWriter::Stored> count_storage(const Index& index, const std::function<std::string(std::string_view)>& upstream_of,
                                               const std::atomic<bool>& stop);

class StorageCensus {
 public:
  // `upstream_of`: the upstream that a namespace is of now; any thread.
  StorageCensus(const Clock& clock, Log& log, BlobStore& store, UsageWriter& usage,
                std::function<std::string(std::string_view name_space)> upstream_of)
      : clock_(clock), log_(log), store_(store), usage_(usage), upstream_of_(std::move(upstream_of)) {}
  ~StorageCensus();
  // On a thread of its own, until the end.
  void start();

 private:
  void serve();

  const Clock& clock_;
  Log& log_;
  BlobStore& store_;
  UsageWriter& usage_;
  const std::function<std::string(std::string_view)> upstream_of_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace weir
