// The scripted operations, and how many instructions each costs the program:
//
//   hit       GET of a blob of 16 KiB that is stored
//   tag-hit   GET of a manifest by a tag that is fresh
//   miss      GET of a blob of 16 KiB that is fetched, verified and stored
//   join      GET of a blob of 16 KiB that is being fetched for somebody else
//   decision  what a hit costs more when 1,000 rules are in force, of which ten are about its repository
//
// The cost is (instructions of 2N operations - instructions of N) / N: what does not depend on N cancels.
#pragma once

#include <vector>

#include "tests/bench/instructions/figures.h"

namespace weir::bench {

// Throws std::runtime_error when the program does not answer as the script wants it.
std::vector<Figure> measure_operations();

}  // namespace weir::bench
