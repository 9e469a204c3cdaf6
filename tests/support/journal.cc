#include "tests/support/journal.h"

#include <algorithm>
#include <regex>
#include <utility>

namespace weir::testing {

namespace {

class Matcher {
 public:
  Matcher(const std::string& method, const std::string& path) : method_(method), any_path_(path.empty()), path_(path) {}

  bool operator()(const Request& request) const {
    return (method_.empty() || request.method == method_) && (any_path_ || std::regex_search(request.target, path_));
  }

 private:
  std::string method_;
  bool any_path_;
  std::regex path_;
};

}  // namespace

std::vector<RecordedRequest> Journal::requests(Query method, Query path) const {
  Matcher matches(method, path);
  std::lock_guard lock(mutex_);
  std::vector<RecordedRequest> found;
  for (const auto& entry : entries_) {
    if (matches(*entry)) found.push_back(*entry);
  }
  return found;
}

std::vector<RecordedRequest> Journal::with_header(const std::string& name) const {
  std::lock_guard lock(mutex_);
  std::vector<RecordedRequest> found;
  for (const auto& entry : entries_) {
    if (entry->headers.has(name)) found.push_back(*entry);
  }
  return found;
}

std::size_t Journal::count(Query method, Query path) const {
  Matcher matches(method, path);
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const Entry& entry) { return matches(*entry); }));
}

std::uint64_t Journal::body_bytes(Query method, Query path) const {
  std::uint64_t sum = 0;
  for (const auto& request : requests(method, path)) sum += request.body_bytes;
  return sum;
}

std::size_t Journal::peak_concurrency(Query method, Query path) const {
  std::vector<std::pair<Deadline, int>> steps;
  for (const auto& request : requests(method, path)) {
    steps.emplace_back(request.started, 1);
    if (request.finished) steps.emplace_back(request.ended, -1);
  }
  // An end and a start at the same instant do not overlap: ends sort first.
  std::ranges::sort(steps);
  int now = 0;
  int peak = 0;
  for (const auto& [when, change] : steps) peak = std::max(peak, now += change);
  return static_cast<std::size_t>(peak);
}

bool Journal::wait_for_count(Query method, Query path, std::size_t count, Milliseconds timeout) const {
  Matcher matches(method, path);
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, within(timeout), [&] {
    auto found = std::ranges::count_if(entries_, [&](const Entry& entry) { return matches(*entry); });
    return static_cast<std::size_t>(found) >= count;
  });
}

bool Journal::wait_until_idle(Milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, within(timeout), [&] { return std::ranges::all_of(entries_, &RecordedRequest::finished); });
}

std::size_t Journal::connections() const {
  std::lock_guard lock(mutex_);
  return connections_;
}

std::size_t Journal::open_connections() const {
  std::lock_guard lock(mutex_);
  return open_;
}

std::size_t Journal::peak_connections() const {
  std::lock_guard lock(mutex_);
  return peak_open_;
}

void Journal::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  changed_.notify_all();
}

std::size_t Journal::connection_opened() {
  std::lock_guard lock(mutex_);
  peak_open_ = std::max(peak_open_, ++open_);
  return ++connections_;
}

void Journal::connection_closed() {
  std::lock_guard lock(mutex_);
  --open_;
}

Journal::Entry Journal::begin(const Request& request, std::size_t connection) {
  auto entry = std::make_shared<RecordedRequest>();
  static_cast<Request&>(*entry) = request;
  entry->connection = connection;
  entry->started = Clock::now();
  std::lock_guard lock(mutex_);
  entries_.push_back(entry);
  entry->number = entries_.size();
  changed_.notify_all();
  return entry;
}

void Journal::answered(const Entry& entry, int status) {
  std::lock_guard lock(mutex_);
  entry->status = status;
}

void Journal::wrote(const Entry& entry, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  entry->body_bytes += bytes;
}

void Journal::finished(const Entry& entry, bool whole) {
  std::lock_guard lock(mutex_);
  entry->ended = Clock::now();
  entry->finished = true;
  entry->whole = whole;
  changed_.notify_all();
}

}  // namespace weir::testing
