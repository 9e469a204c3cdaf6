// The recorder against the kernel: exercise.cc makes every call there is, and the recording says of the disk what is on it.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "tests/crash/state_folder.h"
#include "tests/crash/witness.h"
#include "tests/support/child_process.h"

namespace weir::testing {

namespace {

// One exercise, done in a folder that is recorded.
struct Recorded {
  explicit Recorded(const std::string& exercise, const std::string& kill_after = "") {
    std::filesystem::create_directory(folder);
    ChildOptions options{
        .arguments = {std::filesystem::read_symlink("/proc/self/exe").replace_filename("crash_exercise"), exercise},
        .environment = {"LD_PRELOAD=" + recorder_library(), "WEIR_CRASH_FOLDER=" + folder, "WEIR_CRASH_LOG=" + log},
        .directory = folder,
        .output_file = scratch.file("output"),
        .error_file = scratch.file("output"),
    };
    if (!kill_after.empty()) options.environment.push_back("WEIR_CRASH_KILL_AFTER=" + kill_after);
    exit_code = ChildProcess(options).wait_for_exit();
    recording = read_recording(log);
    for (const auto& step : recording) model.play(step);
  }

  std::string output() const { return read_file(scratch.file("output")); }
  std::vector<std::string> unlike_the_disk() const {
    return differences(model.contents(Survives::everything), contents_of(folder));
  }
  long count(StepKind kind) const { return std::ranges::count(recording, kind, &Step::kind); }

  TemporaryDirectory scratch;
  std::string folder = scratch.file("folder"), log = scratch.file("log");
  std::optional<int> exit_code;
  std::vector<Step> recording;
  DiskModel model;
};

}  // namespace

TEST_CASE("the recorder sees all that a program does beneath its folder, and nothing else") {
  const Recorded recorded("every call");
  CHECK_MESSAGE(recorded.exit_code == 0, recorded.output());
  CHECK(recorded.unlike_the_disk() == std::vector<std::string>{});
  CHECK(recorded.count(StepKind::sync) == 3);
  CHECK(recorded.count(StepKind::create) == 5);
  CHECK(std::ranges::count(recorded.recording, true, &Step::synced) == 1);
  CHECK(read_file(recorded.scratch.file("outside")) == "0123456789");
}

TEST_CASE("a program that is to be killed is killed when its last step is recorded") {
  const Recorded recorded("every call", "10");
  CHECK(recorded.exit_code == -SIGKILL);
  CHECK(recorded.recording.size() == 10);
  CHECK(recorded.unlike_the_disk() == std::vector<std::string>{});
}

TEST_CASE("what the recorder does not understand ends the program") {
  for (const char* exercise :
       {"a file written as memory", "a stream", "a name that comes from outside", "an exchange of names", "a hole"}) {
    const Recorded recorded(exercise);
    CHECK_MESSAGE(recorded.exit_code == -SIGABRT, exercise);
    CHECK_MESSAGE(recorded.output().find("recorder: ") != std::string::npos, exercise);
  }
}

}  // namespace weir::testing
