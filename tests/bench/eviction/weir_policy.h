#pragma once
// The policy of cache/eviction.h as a contender: the product's own code over a store in memory that counts its writes.

#include "tests/bench/eviction/policy.h"

namespace bench {

struct WeirOptions {
  unsigned small_percent = 5;
  unsigned ghost_percent = 50;
  std::uint32_t use_interval = 600;  // seconds

  // What it knows of images. A blob is shared when two manifests that are held refer to it.
  bool spare_shared = true;  // a shared blob goes one more round before it is evicted
  enum class Siblings {
    stay,
    unused_go,  // with an exclusive blob go those of the same image that are exclusive to it and unused
    all_go,     // or all that are exclusive to it
  } siblings = Siblings::stay;
};

Contender weir_policy(std::string name, const WeirOptions& options);

}  // namespace bench
