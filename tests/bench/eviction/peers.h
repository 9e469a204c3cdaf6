#pragma once
// The policies that weir's is compared with, each as its authors describe it, with sums of bytes where they count
// objects.

#include "tests/bench/eviction/policy.h"

namespace bench {

Contender lru();
Contender fifo();
// SIEVE (NSDI 2024): one queue; a hand passes over what was used and evicts what was not. `most` is how often a use may
// be worth a pass: 1 in the paper.
Contender sieve(int most);
// ARC (FAST 2003): what was asked for once and what more often, and the border between them moves.
Contender arc();
// W-TinyLFU (2017): what leaves a small LRU window must have been asked for more often than what it would replace. The
// counts here are exact, which flatters it; its authors keep them in a sketch.
Contender tiny_lfu();
// Greedy dual by frequency over size^exponent: small blobs stay longer.
Contender gdsf(double exponent);
// Evicts what will be asked for last, and declines what never will be. With sizes that is near to the best there is.
Contender clairvoyant();

}  // namespace bench
