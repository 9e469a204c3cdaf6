// The real program between a scripted upstream and one client, recorded: what it does to the disk, and what it has promised by
// its answers, in one log. Each function asks for something, sees the answer, and notes it (promises.h).
//
// What goes wrong fails the running doctest case. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/image.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/weir_process.h"

namespace weir::testing {

// The recorder's library: $WEIR_CRASH_RECORDER, or the one of the release build.
std::string recorder_library();

// Where thousands of small folders are made: in memory where the machine has that, else where other tests make theirs.
std::string fast_parent();

class Witness {
 public:
  // `scratch` gets the folders and the log. Nothing runs yet.
  explicit Witness(const TemporaryDirectory& scratch, std::string cache_lines = "");

  ScriptedUpstream upstream;

  const std::string& log() const { return log_; }
  const std::string& store() const { return store_; }
  WeirProcess& weir() { return *weir_; }

  void start();
  // Starts one that is killed after so many steps. False: before it was ready. The next start() is of one that lives.
  bool start_to_die_after(std::uint64_t steps);
  // Starts one on whatever is in store(), which is not recorded.
  void start_unrecorded();
  void terminate();
  // Kills it when it has nothing to do but to wait for the upstream, and compares the recording with the disk.
  void kill();

  using BlobName = std::pair<std::string, std::string>;  // repository at the upstream, digest
  void pull(const std::vector<BlobName>& blobs);         // all at once, to the end of their fills
  void pull(const std::string& repository, const std::string& digest) { pull({{repository, digest}}); }
  // The manifest by its tag, as the upstream has it now.
  void pull_tag(const std::string& repository, const std::string& tag, const Image& image);
  void refresh_tag(const std::string& repository, const std::string& tag, const Image& image);
  // Everything of an image.
  void pull_image(const std::string& repository, const std::string& tag, const Image& image);
  // Asks for the manifest and the layers of one that is to die. False: it had not so many steps to do.
  bool dies_of(const std::string& repository, const std::string& tag, const Image& image);

  // `order`: the body of the admin API's request. `things`: what it must remove.
  void purge(const std::string& order, const std::vector<std::string>& things);
  void note(const std::string& text);

  // Things as notes name them.
  static std::string blob(const std::string& digest) { return "blob " + digest; }
  static std::string link(const std::string& repository, const std::string& digest) {
    return "link up/" + repository + ' ' + digest;
  }
  static std::string tag(const std::string& repository, const std::string& tag) { return "tag up/" + repository + ' ' + tag; }

  // The recording says of the disk what is on the disk. For when nothing writes.
  void check_against_disk() const;

 private:
  void prepare(std::map<std::string, std::string> environment);
  std::map<std::string, std::string> recorded() const;
  void note_all(const std::string& verb, const std::vector<std::string>& things);
  std::vector<std::string> of_manifest(const std::string& repository, const std::string& tag, const Image& image) const;
  double fills() const { return weir_->metric("weir_fills_total", {{"result", "ok"}}); }
  void settle() const;

  const std::string store_, log_, cache_lines_;  // the last: more lines of [cache]
  std::unique_ptr<WeirProcess> weir_;
};

}  // namespace weir::testing
