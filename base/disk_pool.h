#pragma once
// DiskPool: a few threads for disk work that blocks, so that no loop ever does.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/wait.h"

namespace weir {

class DiskPool {
 public:
  explicit DiskPool(unsigned threads);
  // Runs what was submitted, then ends the threads.
  ~DiskPool();
  DiskPool(const DiskPool&) = delete;

  // Any thread. The work runs on a pool thread.
  void submit(std::function<void()> work);

  // Runs `work` on a pool thread and resumes with what it returned. What it refers to must outlive the co_await.
  template <typename Work>
  Task<std::invoke_result_t<Work>> run(Loop& loop, Work work) {
    using Value = std::invoke_result_t<Work>;
    auto shot = std::make_shared<OneShot<Value>>(loop);
    submit([shot, &work] { shot->set(work()); });
    auto value = co_await shot->wait();
    co_return std::move(*value);
  }

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace weir
