#include "tests/crash/prefixes.h"

#include <filesystem>

#include "tests/crash/holdings.h"
#include "tests/crash/promises.h"
#include "tests/crash/state_folder.h"
#include "tests/crash/witness.h"

namespace weir::testing {

namespace {

constexpr struct {
  Survives survives;
  const char* text;
} kCrashes[] = {
    {Survives::nothing, "nothing unsynced survives"},
    {Survives::everything, "everything survives"},
    {Survives::some, "some of the unsynced survives"},
};

// What a kind of crash leaves, looked into when it is something new.
class Aftermath {
 public:
  Aftermath(StateFolder& folder, Survives survives) : folder_(folder), survives_(survives) {}

  // Whether it had to be opened.
  bool look(const DiskModel& disk, std::uint64_t seed) {
    auto contents = disk.contents(survives_, seed);
    if (contents_ == contents) return false;
    folder_.hold(contents);
    contents_ = std::move(contents);
    complaints_.clear();
    holdings_ = look_into(folder_.path(), complaints_);
    if (!holdings_) return true;
    const auto before = complaints_.size();
    if (look_into(folder_.path(), complaints_) != holdings_ && complaints_.size() == before) {
      complaints_.push_back("opened a second time it holds something else");
    }
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(folder_.path()).parent_path())) {
      if (entry.path() != folder_.path()) complaints_.push_back(entry.path().string() + " was made outside the store");
    }
    return true;
  }

  std::vector<std::string> complaints(const Promises& promises) const {
    auto all = complaints_;
    if (holdings_) {
      const auto broken = promises.broken_by(*holdings_);
      all.insert(all.end(), broken.begin(), broken.end());
    }
    return all;
  }

 private:
  StateFolder& folder_;
  const Survives survives_;
  std::optional<DiskContents> contents_;
  std::vector<std::string> complaints_;
  std::optional<Holdings> holdings_;
};

}  // namespace

Verdict check_prefixes(const std::vector<Step>& recording, std::uint64_t every) {
  const TemporaryDirectory scratch(fast_parent());
  StateFolder folder(scratch.file("store"));
  std::vector<Aftermath> aftermaths;
  for (const auto& crash : kCrashes) aftermaths.emplace_back(folder, crash.survives);
  DiskModel disk;
  Promises promises;
  Verdict verdict;
  for (std::size_t count = 1; count <= recording.size(); ++count) {
    const auto& step = recording[count - 1];
    disk.play(step);
    if (step.kind == StepKind::note) promises.note(step.path);
    if (count % every != 0 && count != recording.size()) continue;
    for (std::size_t kind = 0; kind < aftermaths.size(); ++kind) {
      verdict.states += 1;
      verdict.opened += aftermaths[kind].look(disk, count) ? 1 : 0;
      for (const auto& complaint : aftermaths[kind].complaints(promises)) {
        auto& fault = verdict.faults[complaint];
        if (fault.states++ > 0) continue;
        fault.first = "after step " + std::to_string(count) + ", " + to_text(step) + "; " + kCrashes[kind].text;
      }
    }
  }
  return verdict;
}

}  // namespace weir::testing
