#include "proxy/auth/password_check.h"

#include <string.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/hash.h"

namespace weir {
namespace {

constexpr std::size_t kMostWaiting = 64;
constexpr std::size_t kMostRemembered = 10'000;
constexpr Milliseconds kRememberedFor = std::chrono::minutes(5);
// Of two threads that want the same core, one at 0 gets thirty times as much.
constexpr int kNiceness = 15;

void wipe(std::string& secret) {
  ::explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

Error try_again(Failure failure, Side side, std::string what) { return Error{failure, side, true, std::move(what)}; }

}  // namespace

unsigned PasswordCheck::usual_threads() { return std::max(1u, std::thread::hardware_concurrency() / 4); }

PasswordCheck::PasswordCheck(const Clock& clock, std::shared_ptr<const Users> users, unsigned threads)
    : clock_(clock), secret_(random_bytes(32)), throttle_(clock), users_(std::move(users)) {
  MUST(users_ != nullptr && threads > 0);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

PasswordCheck::~PasswordCheck() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& key : queue_) {
      for (const auto& answer : flights_[key].waiting) answer->set(try_again(Failure::cancelled, Side::local, "the server ends"));
      wipe(flights_[key].password);
      flights_.erase(key);
    }
    queue_.clear();
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void PasswordCheck::use(std::shared_ptr<const Users> users) {
  MUST(users != nullptr);
  std::lock_guard lock(mutex_);
  users_ = std::move(users);
  ++generation_;
  right_until_.clear();
  remembered_.clear();
}

std::optional<Result<bool>> PasswordCheck::join(const std::string& peer, std::string name, std::string password,
                                                const Answer& answer) {
  const auto code = keyed_hash(secret_, std::to_string(name.size()) + ':' + name + password);
  auto source = throttled_source(peer);
  std::lock_guard lock(mutex_);
  const auto key = std::to_string(generation_) + ':' + code;
  if (const auto found = right_until_.find(key); found != right_until_.end() && clock_.now() < found->second) return true;
  if (const auto flight = flights_.find(key); flight != flights_.end()) {
    flight->second.waiting.push_back(answer);
    return std::nullopt;
  }
  if (const auto left = throttle_.begin(source, name)) {
    const auto seconds = std::chrono::ceil<Seconds>(*left).count();
    return try_again(Failure::throttled, Side::client, "too many wrong passwords; try again in " + std::to_string(seconds) + " s");
  }
  if (queue_.size() >= kMostWaiting) {
    throttle_.abandoned(source, name);
    return try_again(Failure::overloaded, Side::local, "too many passwords wait to be checked");
  }
  flights_.emplace(key, Flight{std::move(source), std::move(name), std::move(password), users_, {answer}});
  queue_.push_back(key);
  changed_.notify_one();
  return std::nullopt;
}

Task<Result<bool>> PasswordCheck::check(Loop& loop, std::string peer, std::string name, std::string password) {
  const auto answer = std::make_shared<OneShot<Result<bool>>>(loop);
  if (auto known = join(peer, std::move(name), std::move(password), answer)) co_return *std::move(known);
  auto settled = co_await answer->wait();
  co_return *std::move(settled);
}

void PasswordCheck::serve() {
  // Linux has a niceness for each thread. Where it may not be changed the work is done all the same.
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const auto key = std::move(queue_.front());
    queue_.pop_front();
    auto& flight = flights_.at(key);
    const auto users = flight.users;
    const auto name = flight.name;
    auto password = std::move(flight.password);
    lock.unlock();
    const bool right = users->verify(name, password);
    wipe(password);
    lock.lock();
    settle(key, right);
  }
}

void PasswordCheck::settle(const std::string& key, bool right) {
  const auto flight = flights_.find(key);
  if (right) {
    throttle_.succeeded(flight->second.source, flight->second.name);
    if (flight->second.users == users_) remember(key);
  }
  for (const auto& answer : flight->second.waiting) answer->set(right);
  flights_.erase(flight);
}

void PasswordCheck::remember(const std::string& key) {
  const Instant now = clock_.now();
  while (!remembered_.empty() && (remembered_.front().until <= now || remembered_.size() >= kMostRemembered)) {
    const auto found = right_until_.find(remembered_.front().key);
    // It may have been right again since.
    if (found != right_until_.end() && found->second == remembered_.front().until) right_until_.erase(found);
    remembered_.pop_front();
  }
  right_until_.insert_or_assign(key, now + kRememberedFor);
  remembered_.push_back({key, now + kRememberedFor});
}

}  // namespace weir
