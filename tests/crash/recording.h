// A recording: what a program did to the disk beneath one folder, step by step, and what was noted meanwhile.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/record.h"

namespace weir::testing {

// Paths begin at the watched folder, which is "/". What the fields mean for each kind is said in record.h.
struct Step {
  StepKind kind = StepKind::note;
  std::string path = {};
  std::string other = {};
  std::uint64_t inode = 0;
  std::uint64_t number = 0;
  bool synced = false;
  std::string bytes = {};
};

// One line, for a person.
std::string to_text(const Step& step);

// Throws std::runtime_error when the file is no log or ends in the middle of a record.
std::vector<Step> read_recording(const std::string& log);

// Appends to a log that a program may be writing to at the same time. What the caller has seen happen is before it.
void append_note(const std::string& log, std::string_view text);

}  // namespace weir::testing
