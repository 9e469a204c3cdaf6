// A coroutine that is destroyed in the midst of a new-expression gives the storage back.
#include <memory>
#include <new>

#include "case.h"

namespace spike {

struct Whole {
  static void* operator new(std::size_t size) {
    ++storages;
    return ::operator new(size);
  }
  static void operator delete(void* place) {
    --storages;
    ::operator delete(place);
  }

  int answer;

  static inline int storages = 0;
};

Task<int> half() {
  std::unique_ptr<Whole> whole(new Whole{co_await Forever()});
  co_return whole->answer;
}

bool run_case() {
  {
    Task<int> task = half();
    task.start();
  }
  return Whole::storages == 0;
}

}  // namespace spike
