// A million awaits that never wait need no more stack than one.
#include "case.h"

namespace spike {

SPIKE_APART Task<int> one() { co_return 1; }

Task<int> sum(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await one();
  co_return sum;
}

bool run_case() { return run(sum(1'000'000)) == 1'000'000; }

}  // namespace spike
