#include "base/loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>

#include <cstdint>

#include "base/check.h"

namespace weir {
namespace {

timeval to_timeval(Milliseconds duration) {
  if (duration.count() < 0) duration = Milliseconds(0);
  return {static_cast<time_t>(duration.count() / 1000), static_cast<suseconds_t>(duration.count() % 1000 * 1000)};
}

event_base* new_base() {
  event_config* config = event_config_new();
  MUST(config != nullptr);
  // Every event of a base is added and removed by its own thread, so it needs no lock.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  MUST(base != nullptr);
  return base;
}

}  // namespace

Loop::Loop(const Clock& clock, unsigned index)
    : clock_(clock), index_(index), base_(new_base()), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  MUST(wake_fd_.valid());
  wake_event_ = event_new(base_, wake_fd_.get(), EV_READ | EV_PERSIST, &Loop::on_wake, this);
  MUST(wake_event_ != nullptr && event_add(wake_event_, nullptr) == 0);
}

Loop::~Loop() {
  event_free(wake_event_);
  event_base_free(base_);
}

void Loop::run() {
  thread_ = std::this_thread::get_id();
  while (!stopping_) {
    if (event_base_loop(base_, EVLOOP_ONCE) < 0) break;
  }
  run_posted();
}

void Loop::stop() {
  post([this] {
    stopping_ = true;
    event_base_loopbreak(base_);
  });
}

void Loop::post(std::function<void()> work) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (!first) return;  // the wake-up for the earlier ones is still on its way
  const std::uint64_t one = 1;
  MUST(::write(wake_fd_.get(), &one, sizeof one) == sizeof one);
}

void Loop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (auto& run : work) run();
}

void Loop::on_wake(int fd, short, void* self) {
  std::uint64_t count;
  if (::read(fd, &count, sizeof count) < 0) { /* another turn has taken it */
  }
  static_cast<Loop*>(self)->run_posted();
}

Timer::Timer(Loop& loop, std::function<void()> on_expiry)
    : on_expiry_(std::move(on_expiry)), event_(event_new(loop.base(), -1, 0, &Timer::on_event, this)) {
  MUST(event_ != nullptr);
}

Timer::~Timer() { event_free(event_); }

void Timer::start(Milliseconds delay) {
  const timeval time = to_timeval(delay);
  MUST(event_add(event_, &time) == 0);
}

void Timer::stop() { event_del(event_); }

void Timer::on_event(int, short, void* self) {
  // A copy: the callback may destroy the timer.
  const auto call = static_cast<Timer*>(self)->on_expiry_;
  call();
}

Watch::Watch(Loop& loop, int fd, std::function<void(bool, bool)> on_ready)
    : loop_(loop), fd_(fd), on_ready_(std::move(on_ready)) {}

Watch::~Watch() {
  if (event_) event_free(event_);
}

void Watch::set(bool read, bool write) {
  if (event_) event_free(event_);
  event_ = nullptr;
  if (!read && !write) return;
  const short what = static_cast<short>(EV_PERSIST | (read ? EV_READ : 0) | (write ? EV_WRITE : 0));
  event_ = event_new(loop_.base(), fd_, what, &Watch::on_event, this);
  MUST(event_ != nullptr && event_add(event_, nullptr) == 0);
}

void Watch::on_event(int, short what, void* self) {
  const auto call = static_cast<Watch*>(self)->on_ready_;
  call((what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

SignalWatch::SignalWatch(Loop& loop, int signal_number, std::function<void()> on_signal)
    : on_signal_(std::move(on_signal)),
      event_(event_new(loop.base(), signal_number, EV_SIGNAL | EV_PERSIST, &SignalWatch::on_event, this)) {
  MUST(event_ != nullptr && event_add(event_, nullptr) == 0);
}

SignalWatch::~SignalWatch() { event_free(event_); }

void SignalWatch::on_event(int, short, void* self) { static_cast<SignalWatch*>(self)->on_signal_(); }

}  // namespace weir
