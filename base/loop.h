#pragma once
// Loop: one event loop and the thread that runs it; the door to libevent (shared with proxy/http/connection).
//
// Thread: everything here belongs to the loop's own thread, except post() and stop(), which any thread may call.
// Time: now() is what the clock says at that moment; a Timer is not as exact.

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"

struct event_base;
struct event;

namespace weir {

class Loop {
 public:
  // `index` numbers the loops from 0: per-loop counters use it.
  Loop(const Clock& clock, unsigned index);
  ~Loop();
  Loop(const Loop&) = delete;

  // Serves until stop(); then returns. Work posted before stop() is still run.
  void run();
  void stop();

  // Runs `work` on this loop's thread, later in this or in the next turn, in the order of posting.
  void post(std::function<void()> work);

  bool on_this_thread() const noexcept { return std::this_thread::get_id() == thread_; }
  unsigned index() const noexcept { return index_; }
  const Clock& clock() const noexcept { return clock_; }
  Instant now() const { return clock_.now(); }
  event_base* base() const noexcept { return base_; }

 private:
  void run_posted();
  static void on_wake(int fd, short what, void* self);

  const Clock& clock_;
  const unsigned index_;
  event_base* base_;
  UniqueFd wake_fd_;
  event* wake_event_;
  std::thread::id thread_;
  bool stopping_ = false;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
};

// Calls back once, `delay` after start(). Stopping or destroying it before then means it never does.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_expiry);
  ~Timer();
  Timer(const Timer&) = delete;

  // Measured by the kernel's coarse clock, so it may be a few milliseconds early.
  void start(Milliseconds delay);
  void stop();

 private:
  static void on_event(int fd, short what, void* self);
  std::function<void()> on_expiry_;
  event* event_;
};

// Calls back while the descriptor is readable or writable (level-triggered). The descriptor is not owned.
class Watch {
 public:
  Watch(Loop& loop, int fd, std::function<void(bool readable, bool writable)> on_ready);
  ~Watch();
  Watch(const Watch&) = delete;

  void set(bool read, bool write);

 private:
  static void on_event(int fd, short what, void* self);
  Loop& loop_;
  const int fd_;
  std::function<void(bool, bool)> on_ready_;
  event* event_ = nullptr;
};

// Calls back on the loop's thread when the process receives one of the signals. One instance a signal.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, int signal_number, std::function<void()> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;

 private:
  static void on_event(int fd, short what, void* self);
  std::function<void()> on_signal_;
  event* event_;
};

}  // namespace weir
