// A recording cut off after each of its steps: the power goes there, or the program is killed, and the store is opened again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/crash/recording.h"

namespace weir::testing {

struct Verdict {
  std::uint64_t states = 0;  // three for each prefix
  std::uint64_t opened = 0;  // those that differ from what the same kind of crash left a step before
  struct Fault {
    std::string first;  // where it was found first
    std::uint64_t states = 0;
  };
  std::map<std::string, Fault> faults;  // by what is wrong
};

// Plays the recording, and after every `every`th step, and after the last, opens what may be left: without the unsynced, with
// all of it, and with some of it. Each is opened twice.
Verdict check_prefixes(const std::vector<Step>& recording, std::uint64_t every = 1);

}  // namespace weir::testing
