#include "proxy/upstream/backoff.h"

#include <algorithm>
#include <random>

namespace weir {
namespace {

constexpr std::size_t kMostKeys = 10'000;
constexpr auto kFirstPause = Milliseconds(1000);
constexpr auto kMostPause = Milliseconds(30'000);

}  // namespace

Milliseconds with_jitter(Milliseconds pause) {
  thread_local std::minstd_rand random(std::random_device{}());
  return pause + Milliseconds(std::uniform_int_distribution<std::int64_t>(0, pause.count() / 2)(random));
}

std::optional<Error> BackoffTable::held_back(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = failed_.find(key);
  if (found == failed_.end() || found->second.retry_at <= clock_.now()) return std::nullopt;
  return found->second.error;
}

void BackoffTable::failed(const std::string& key, Error error) {
  std::lock_guard lock(mutex_);
  const auto before = failed_.find(key);
  const auto pause = before == failed_.end() ? kFirstPause : std::min(2 * before->second.pause, kMostPause);
  if (before == failed_.end() && failed_.size() >= kMostKeys) failed_.clear();
  failed_.insert_or_assign(key, Failed{std::move(error), clock_.now() + pause, pause});
}

void BackoffTable::succeeded(const std::string& key) {
  std::lock_guard lock(mutex_);
  failed_.erase(key);
}

}  // namespace weir
