#pragma once
// SingleFlight: many ask the same question at once, on any loop; it is worked out once and all get the answer.
//
// The work is nobody's in particular: it runs to its end although the Task that started it may have gone.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/wait.h"

namespace weir {

template <typename Key, typename Value>
class SingleFlight {
 public:
  struct Answer {
    Value value;
    bool joined = false;  // another caller had started the work
  };

  // `work` runs on the loop of the first caller. It and this object must outlive the flight. Value is copied to each.
  Task<Answer> run(Loop& loop, Key key, std::function<Task<Value>()> work) {
    auto shot = std::make_shared<OneShot<Value>>(loop);
    bool first;
    {
      std::lock_guard lock(mutex_);
      auto& waiting = flights_[key];
      first = waiting.empty();
      waiting.push_back(shot);
    }
    if (first) spawn(fly(key, std::move(work)));
    auto value = co_await shot->wait();
    co_return Answer{std::move(*value), !first};
  }

 private:
  Task<void> fly(Key key, std::function<Task<Value>()> work) {
    Value value = co_await work();
    std::vector<std::shared_ptr<OneShot<Value>>> waiting;
    {
      std::lock_guard lock(mutex_);
      const auto flight = flights_.find(key);
      waiting = std::move(flight->second);
      flights_.erase(flight);
    }
    for (auto& shot : waiting) shot->set(value);
  }

  std::mutex mutex_;
  std::map<Key, std::vector<std::shared_ptr<OneShot<Value>>>> flights_;  // guarded by mutex_
};

}  // namespace weir
