#include "tests/bench/eviction/peers.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <set>
#include <utility>
#include <vector>

namespace bench {
namespace {

// LRU, and FIFO, which is that without the recency.
class Queue final : public Policy {
 public:
  Queue(const Trace& trace, std::uint64_t capacity, bool recency)
      : Policy(trace, capacity), recency_(recency), place_(trace.sizes.size(), order_.end()) {}

  bool request(const Request& request) override {
    auto& place = place_[request.blob];
    if (place != order_.end()) {
      if (recency_) order_.splice(order_.end(), order_, place);
      return true;
    }
    const auto size = size_of(request.blob);
    if (size > capacity_) return false;
    while (used_ + size > capacity_) {
      used_ -= size_of(order_.front());
      place_[order_.front()] = order_.end();
      order_.pop_front();
    }
    used_ += size;
    place = order_.insert(order_.end(), request.blob);
    return false;
  }

 private:
  const bool recency_;
  std::list<Blob> order_;
  std::vector<std::list<Blob>::iterator> place_;
  std::uint64_t used_ = 0;
};

class Sieve final : public Policy {
 public:
  Sieve(const Trace& trace, std::uint64_t capacity, int most)
      : Policy(trace, capacity), most_(most), uses_(trace.sizes.size(), kAbsent), hand_(order_.end()) {}

  bool request(const Request& request) override {
    auto& uses = uses_[request.blob];
    if (uses != kAbsent) {
      uses = std::min(uses + 1, most_);
      return true;
    }
    const auto size = size_of(request.blob);
    if (size > capacity_) return false;
    while (used_ + size > capacity_) evict();
    used_ += size;
    uses = 0;
    order_.push_back(request.blob);
    return false;
  }

 private:
  static constexpr int kAbsent = -1;

  void evict() {
    for (;;) {
      if (hand_ == order_.end()) hand_ = order_.begin();
      if (uses_[*hand_] == 0) break;
      --uses_[*hand_++];
    }
    used_ -= size_of(*hand_);
    uses_[*hand_] = kAbsent;
    hand_ = order_.erase(hand_);
  }

  const int most_;
  std::vector<int> uses_;
  std::list<Blob> order_;
  std::list<Blob>::iterator hand_;
  std::uint64_t used_ = 0;
};

class Arc final : public Policy {
 public:
  Arc(const Trace& trace, std::uint64_t capacity)
      : Policy(trace, capacity), where_(trace.sizes.size(), kNowhere), place_(trace.sizes.size()) {}

  bool request(const Request& request) override {
    const Blob blob = request.blob;
    const auto size = size_of(blob);
    if (size > capacity_) return false;
    const List was = where_[blob];
    if (was == kOnce || was == kOften) {
      move(blob, kOften);
      return true;
    }
    const double step = static_cast<double>(size), most = static_cast<double>(capacity_);
    if (was == kOnceGone) once_target_ = std::min(most, once_target_ + step * ratio(kOftenGone, kOnceGone));
    if (was == kOftenGone) once_target_ = std::max(0.0, once_target_ - step * ratio(kOnceGone, kOftenGone));
    while (bytes_[kOnce] + bytes_[kOften] + size > capacity_) evict(was == kOftenGone);
    move(blob, was == kNowhere ? kOnce : kOften);
    while (bytes_[kOnce] + bytes_[kOnceGone] > capacity_ && !lists_[kOnceGone].empty()) drop(kOnceGone);
    while (bytes_[kOnce] + bytes_[kOften] + bytes_[kOnceGone] + bytes_[kOftenGone] > 2 * capacity_) drop(kOftenGone);
    return false;
  }

 private:
  enum List { kOnce, kOften, kOnceGone, kOftenGone, kNowhere };

  double ratio(List of, List to) const {
    return std::max(1.0, static_cast<double>(bytes_[of]) / static_cast<double>(std::max<std::uint64_t>(bytes_[to], 1)));
  }
  void move(Blob blob, List to) {
    if (const List from = where_[blob]; from != kNowhere) {
      bytes_[from] -= size_of(blob);
      lists_[from].erase(place_[blob]);
    }
    where_[blob] = to;
    if (to == kNowhere) return;
    bytes_[to] += size_of(blob);
    place_[blob] = lists_[to].insert(lists_[to].end(), blob);
  }
  void drop(List from) { move(lists_[from].front(), kNowhere); }
  void evict(bool often_wanted) {
    const auto once = static_cast<double>(bytes_[kOnce]);
    const bool over = once > once_target_ || (often_wanted && once >= once_target_);
    if (lists_[kOften].empty() || (over && !lists_[kOnce].empty())) {
      move(lists_[kOnce].front(), kOnceGone);
    } else {
      move(lists_[kOften].front(), kOftenGone);
    }
  }

  std::list<Blob> lists_[4];
  std::uint64_t bytes_[4] = {};
  std::vector<List> where_;
  std::vector<std::list<Blob>::iterator> place_;
  double once_target_ = 0;
};

class TinyLfu final : public Policy {
 public:
  TinyLfu(const Trace& trace, std::uint64_t capacity)
      : Policy(trace, capacity), where_(trace.sizes.size(), kNowhere), place_(trace.sizes.size()), uses_(trace.sizes.size()) {}

  bool request(const Request& request) override {
    const Blob blob = request.blob;
    if (size_of(blob) > capacity_) return false;
    count(blob);
    if (const List was = where_[blob]; was != kNowhere) {
      move(blob, was == kWindow ? kWindow : kProtected);
      while (bytes_[kProtected] > capacity_ / 10 * 7) move(lists_[kProtected].front(), kProbation);
      return true;
    }
    move(blob, kWindow);
    while (bytes_[kWindow] > capacity_ / 10) move(lists_[kWindow].front(), kProbation);
    while (bytes_[kWindow] + bytes_[kProbation] + bytes_[kProtected] > capacity_) evict();
    return false;
  }

 private:
  enum List { kWindow, kProbation, kProtected, kNowhere };

  // All counts are halved each time ten capacities were asked for.
  void count(Blob blob) {
    uses_[blob] = std::min(uses_[blob] + 1, 15);
    asked_ += size_of(blob);
    if (asked_ < 10 * capacity_) return;
    asked_ /= 2;
    for (auto& uses : uses_) uses /= 2;
  }
  // The latest that left the window against the oldest behind it.
  void evict() {
    const auto& probation = lists_[kProbation];
    if (probation.empty()) {
      move(lists_[kProtected].front(), kNowhere);
    } else {
      const bool better = uses_[probation.back()] > uses_[probation.front()];
      move(better ? probation.front() : probation.back(), kNowhere);
    }
  }
  void move(Blob blob, List to) {
    if (const List from = where_[blob]; from != kNowhere) {
      bytes_[from] -= size_of(blob);
      lists_[from].erase(place_[blob]);
    }
    where_[blob] = to;
    if (to == kNowhere) return;
    bytes_[to] += size_of(blob);
    place_[blob] = lists_[to].insert(lists_[to].end(), blob);
  }

  std::list<Blob> lists_[3];
  std::uint64_t bytes_[3] = {};
  std::vector<List> where_;
  std::vector<std::list<Blob>::iterator> place_;
  std::vector<int> uses_;
  std::uint64_t asked_ = 0;
};

class Gdsf final : public Policy {
 public:
  Gdsf(const Trace& trace, std::uint64_t capacity, double exponent)
      : Policy(trace, capacity), exponent_(exponent), value_(trace.sizes.size(), kAbsent), uses_(trace.sizes.size()) {}

  bool request(const Request& request) override {
    const Blob blob = request.blob;
    const auto size = size_of(blob);
    const bool hit = value_[blob] != kAbsent;
    if (hit) {
      by_value_.erase({value_[blob], blob});
    } else {
      if (size > capacity_) return false;
      while (used_ + size > capacity_) evict();
      used_ += size;
      uses_[blob] = 0;
    }
    value_[blob] = floor_ + ++uses_[blob] / std::pow(static_cast<double>(size), exponent_);
    by_value_.insert({value_[blob], blob});
    return hit;
  }

 private:
  static constexpr double kAbsent = -1;

  void evict() {
    const auto [value, blob] = *by_value_.begin();
    by_value_.erase(by_value_.begin());
    floor_ = value;
    value_[blob] = kAbsent;
    used_ -= size_of(blob);
  }

  const double exponent_;
  std::vector<double> value_;
  std::vector<int> uses_;
  std::set<std::pair<double, Blob>> by_value_;
  double floor_ = 0;
  std::uint64_t used_ = 0;
};

class Clairvoyant final : public Policy {
 public:
  Clairvoyant(const Trace& trace, std::uint64_t capacity)
      : Policy(trace, capacity), next_(trace.requests.size()), due_(trace.sizes.size(), kAbsent) {
    std::vector<std::uint32_t> later(trace.sizes.size(), kNever);
    for (std::size_t i = trace.requests.size(); i-- > 0;) {
      next_[i] = std::exchange(later[trace.requests[i].blob], static_cast<std::uint32_t>(i));
    }
  }

  bool request(const Request& request) override {
    const Blob blob = request.blob;
    const auto next = next_[now_++];
    const auto size = size_of(blob);
    const bool hit = due_[blob] != kAbsent;
    if (hit) {
      by_due_.erase({due_[blob], blob});
    } else {
      if (size > capacity_ || next == kNever) return false;
      used_ += size;
    }
    due_[blob] = next;
    by_due_.insert({next, blob});
    while (used_ > capacity_) {
      const auto last = std::prev(by_due_.end());
      due_[last->second] = kAbsent;
      used_ -= size_of(last->second);
      by_due_.erase(last);
    }
    return hit;
  }

 private:
  static constexpr std::uint32_t kNever = UINT32_MAX, kAbsent = UINT32_MAX - 1;

  std::vector<std::uint32_t> next_;  // by request: when its blob is asked for again
  std::vector<std::uint32_t> due_;   // by blob held: the same
  std::set<std::pair<std::uint32_t, Blob>> by_due_;
  std::uint32_t now_ = 0;
  std::uint64_t used_ = 0;
};

// A contender whose policies are made with `arguments` behind trace and capacity.
template <typename P, typename... Arguments>
Contender contender(std::string name, Arguments... arguments) {
  return {std::move(name), [=](const Trace& trace, std::uint64_t capacity) -> std::unique_ptr<Policy> {
            return std::make_unique<P>(trace, capacity, arguments...);
          }};
}

}  // namespace

Contender lru() { return contender<Queue>("LRU", true); }
Contender fifo() { return contender<Queue>("FIFO", false); }
Contender sieve(int most) { return contender<Sieve>(most == 1 ? "SIEVE" : "SIEVE, uses to " + std::to_string(most), most); }
Contender arc() { return contender<Arc>("ARC"); }
Contender tiny_lfu() { return contender<TinyLfu>("W-TinyLFU"); }
Contender gdsf(double exponent) { return contender<Gdsf>("GDSF", exponent); }
Contender clairvoyant() { return contender<Clairvoyant>("the future known"); }

}  // namespace bench
