#include "proxy/storage_census.h"

#include <algorithm>
#include <map>

namespace weir {
namespace {

constexpr auto kCensusRound = Seconds(10);

}  // namespace

std::vector<UsageWriter::Stored> count_storage(const Index& index, const std::function<std::string(std::string_view)>& upstream_of,
                                               const std::atomic<bool>& stop) {
  std::map<std::string, std::uint64_t> bytes;
  index.each_blob([&](const Digest& digest, const BlobRecord& record) {
    if (stop.load()) return;
    auto repositories = index.repositories_of(digest);
    if (repositories.empty()) repositories.emplace_back();
    std::sort(repositories.begin(), repositories.end());
    const auto each = record.size / repositories.size();
    auto rest = record.size % repositories.size();
    for (const auto& repository : repositories) {
      bytes[repository] += each + (rest > 0 ? 1 : 0);
      if (rest > 0) --rest;
    }
  });
  std::vector<UsageWriter::Stored> stored;
  if (stop.load()) return stored;
  for (const auto& [repository, sum] : bytes)
    stored.push_back({repository, upstream_of(std::string_view(repository).substr(0, repository.find('/'))), sum});
  return stored;
}

void StorageCensus::start() {
  thread_ = std::thread([this] { serve(); });
}

void StorageCensus::serve() {
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    const auto hour = hour_of(clock_.wall_seconds());
    if (!usage_.stored_noted(hour)) {
      const auto stored = count_storage(store_.index(), upstream_of_, stopping_);
      if (!stopping_.load()) {
        const auto noted = usage_.note_stored(hour, stored);
        if (!noted) log_.warning("storage not counted for this hour", {{"error", noted.error().what}});
      }
    }
    lock.lock();
  } while (!changed_.wait_for(lock, kCensusRound, [this] { return stopping_.load(); }));
}

StorageCensus::~StorageCensus() {
  {
    std::lock_guard lock(mutex_);
    stopping_.store(true);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace weir
