// A braced awaiter stays where it was made: what it told its members of its place is true while it waits.
#include "case.h"

namespace spike {

struct Registration {
  explicit Registration(const void* owner) : owner(owner) {}
  const void* owner;
};

struct Place {
  Registration registration{this};
};

struct Stay {
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  bool await_resume() const noexcept { return place.registration.owner == &place; }

  int number;
  Place place{};
};

Task<bool> stay(int number) {
  bool stayed = co_await Stay{number};
  co_return stayed;
}

bool run_case() { return run(stay(1)); }

}  // namespace spike
