// CountedWeir: the real program under callgrind, which counts the instructions that it executes.
//
//   CountedWeir weir(configuration, files);
//   const auto count = weir.count([&] { ...requests... });
//
// The counts are those of all threads of the program, from rest to rest: the program's own code and its libraries, not the
// kernel. What fails throws std::runtime_error. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "tests/support/weir_process.h"

namespace weir::bench {

class CountedWeir {
 public:
  // `files`: name -> text, written to {directory} before the start.
  CountedWeir(const std::string& configuration, const std::map<std::string, std::string>& files);

  testing::WeirProcess& process() { return process_; }

  // Instructions executed while `work` runs and until the program is at rest again.
  std::uint64_t count(const std::function<void()>& work);

  // Returns when no thread of the program runs or has run for a moment. Requests that begin only then cost the same on a busy
  // machine as on an idle one: the program never finds the next one there already, nor waits for the rest of one.
  void rest() const;

 private:
  void command(const std::string& words) const;
  std::string dump_file(unsigned number) const;

  testing::WeirProcess process_;
  unsigned dumps_ = 0;
};

}  // namespace weir::bench
