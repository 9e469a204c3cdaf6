#include "tests/bench/instructions/counted_weir.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/support/child_process.h"

namespace weir::bench {
namespace {

using testing::Milliseconds;

// Starts are slow under callgrind, and slower on a busy machine.
constexpr Milliseconds kStart{120'000};
constexpr Milliseconds kCommand{60'000};
constexpr auto kMoment = std::chrono::microseconds(300);
constexpr Milliseconds kRest{30'000};

// WeirProcess runs the program that $WEIR names; this one runs it under callgrind, in the same process.
void write_wrapper(const std::string& file, const std::string& dumps, const std::string& pipes) {
  const auto program = testing::weir_program();
  std::ofstream out(file);
  out << "#!/bin/sh\n"
      << "exec valgrind -q --tool=callgrind --callgrind-out-file='" << dumps << "' --instr-atstart=no --fair-sched=yes \\\n"
      << "  --vgdb-prefix='" << pipes << "' \\\n"
      << "  '" << program << "' \"$@\"\n";
  out.close();
  if (!out || ::chmod(file.c_str(), 0755) != 0) throw std::runtime_error("cannot write " + file);
}

// What the threads of a process have done: empty while one of them runs or waits for the disk.
std::string activity(pid_t pid) {
  std::string text;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:") && line.find("S (") == line.npos) return "";
      if (line.find("ctxt_switches:") != line.npos) text += line;
    }
  }
  return text;
}

std::uint64_t total_of(const std::string& file) {
  std::ifstream dump(file);
  std::uint64_t total = 0;
  for (std::string line; std::getline(dump, line);)
    if (line.starts_with("totals: ")) total = std::stoull(line.substr(8));
  if (total == 0) throw std::runtime_error("callgrind counted nothing in " + file);
  return total;
}

}  // namespace

CountedWeir::CountedWeir(const std::string& configuration, const std::map<std::string, std::string>& files)
    : process_(configuration, {.ready_timeout = kStart}) {
  for (const auto& [name, text] : files) (void)process_.directory().write(name, text);
  const auto wrapper = process_.path("weir-under-callgrind");
  write_wrapper(wrapper, process_.path("counts"), process_.path("vgdb"));
  const std::string program = testing::weir_program();
  ::setenv("WEIR", wrapper.c_str(), 1);
  const bool started = process_.start();
  ::setenv("WEIR", program.c_str(), 1);
  if (!started) throw std::runtime_error("the program does not start under callgrind:\n" + process_.log_tail());
  rest();
  command("instrumentation on");
}

std::uint64_t CountedWeir::count(const std::function<void()>& work) {
  rest();
  command("zero");
  work();
  rest();
  command("dump");
  return total_of(dump_file(++dumps_));
}

void CountedWeir::rest() const {
  std::string before;
  const bool rests = testing::wait_until(
      [&] {
        for (int looks = 0; looks < 20; ++looks) {
          const auto now = activity(process_.pid());
          if (!now.empty() && now == before) return true;
          before = now;
          std::this_thread::sleep_for(kMoment);
        }
        return false;
      },
      kRest);
  if (!rests) throw std::runtime_error("the program does not come to rest");
}

void CountedWeir::command(const std::string& words) const {
  testing::ChildProcess vgdb(
      {.arguments = {"/bin/sh", "-c",
                     "exec vgdb --vgdb-prefix=" + process_.path("vgdb") + " --pid=" + std::to_string(process_.pid()) + " " + words},
       .environment = {"PATH=/usr/local/bin:/usr/bin:/bin"},
       .error_file = process_.path("vgdb.err")});
  if (vgdb.wait_for_exit(kCommand) != 0)
    throw std::runtime_error("vgdb " + words + " failed: " + testing::read_file(process_.path("vgdb.err")));
}

std::string CountedWeir::dump_file(unsigned number) const { return process_.path("counts." + std::to_string(number)); }

}  // namespace weir::bench
