#include "proxy/auth/throttle.h"

#include <arpa/inet.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kMostEntries = 20'000;
constexpr unsigned kFreeFailures = 10;
constexpr Milliseconds kFirstWait = Seconds(1);
constexpr Milliseconds kMostSourceWait = Seconds(60);
constexpr Milliseconds kMostNameWait = Seconds(10);
constexpr Milliseconds kForgottenAfter = std::chrono::minutes(15);
constexpr Milliseconds kKnownFor = std::chrono::hours(12);

Milliseconds wait_after(unsigned failures, Milliseconds most) {
  if (failures < kFreeFailures) return Milliseconds(0);
  return std::min<Milliseconds>(most, kFirstWait * (1LL << std::min(failures - kFreeFailures, 20u)));
}

std::string pair_key(const std::string& source, const std::string& name) { return source + '\n' + name; }

}  // namespace

std::string throttled_source(std::string_view peer) {
  if (peer.starts_with('[')) peer = peer.substr(1, std::max<std::size_t>(peer.find(']'), 1) - 1);
  else if (peer.find(':') == peer.rfind(':')) peer = peer.substr(0, peer.find(':'));
  std::string address(peer);
  in6_addr six{};
  if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return address;
  char text[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    ::inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof text);
    return text;
  }
  std::fill(six.s6_addr + 8, six.s6_addr + 16, std::uint8_t{0});
  ::inet_ntop(AF_INET6, &six, text, sizeof text);
  return std::string(text) + "/64";
}

// What is there of `key`, in front now; what was forgotten begins anew.
Throttle::Entry& Throttle::Table::touch(const std::string& key, Instant now) {
  if (const auto found = at_.find(key); found != at_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
  } else {
    if (entries_.size() >= kMostEntries) {
      at_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({key, 0, now, now});
    at_.emplace(entries_.front().key, entries_.begin());
  }
  return entries_.front();
}

Throttle::Entry* Throttle::Table::find(const std::string& key) {
  const auto found = at_.find(key);
  return found == at_.end() ? nullptr : &*found->second;
}

void Throttle::Table::erase(const std::string& key) {
  const auto found = at_.find(key);
  if (found == at_.end()) return;
  const auto entry = found->second;
  at_.erase(found);
  entries_.erase(entry);
}

Throttle::Throttle(const Clock& clock) : clock_(clock) {}

bool Throttle::known_pair(const std::string& source, const std::string& name, Instant now) {
  const Entry* pair = pairs_.find(pair_key(source, name));
  return pair && now - pair->last < kKnownFor;
}

std::optional<Milliseconds> Throttle::left_of(Table& table, const std::string& key, Instant now) {
  Entry* entry = table.find(key);
  if (!entry) return std::nullopt;
  if (now - entry->last >= kForgottenAfter) {
    table.erase(key);
    return std::nullopt;
  }
  if (entry->wait_until <= now) return std::nullopt;
  return std::chrono::ceil<Milliseconds>(entry->wait_until - now);
}

std::optional<Milliseconds> Throttle::begin(const std::string& source, const std::string& name) {
  const Instant now = clock_.now();
  std::lock_guard lock(mutex_);
  const auto source_left = left_of(sources_, source, now);
  const auto name_left = left_of(names_, name, now);
  if (source_left) return source_left;
  if (name_left && !known_pair(source, name, now)) return name_left;
  const auto count = [&](Table& table, const std::string& key, Milliseconds most) {
    Entry& entry = table.touch(key, now);
    ++entry.failures;
    entry.last = now;
    entry.wait_until = std::max(entry.wait_until, now + wait_after(entry.failures, most));
  };
  count(sources_, source, kMostSourceWait);
  count(names_, name, kMostNameWait);
  return std::nullopt;
}

void Throttle::take_back(Table& table, const std::string& key, unsigned failures, Milliseconds most) {
  Entry* entry = table.find(key);
  if (!entry) return;
  if (entry->failures <= failures) return table.erase(key);
  entry->failures -= failures;
  entry->wait_until = entry->last + wait_after(entry->failures, most);
}

void Throttle::succeeded(const std::string& source, const std::string& name) {
  const Instant now = clock_.now();
  std::lock_guard lock(mutex_);
  take_back(sources_, source, 2, kMostSourceWait);
  take_back(names_, name, 2, kMostNameWait);
  pairs_.touch(pair_key(source, name), now).last = now;
}

void Throttle::abandoned(const std::string& source, const std::string& name) {
  std::lock_guard lock(mutex_);
  take_back(sources_, source, 1, kMostSourceWait);
  take_back(names_, name, 1, kMostNameWait);
}

}  // namespace weir
