// The real program, recorded; its recording cut off after every step; and what is left opened again.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/crash/prefixes.h"
#include "tests/crash/state_folder.h"
#include "tests/crash/witness.h"
#include "tests/support/http_client.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::size_t kShown = 12;  // faults of one recording
constexpr std::size_t kServed = 12;  // states that the program itself is started on

// $WEIR_CRASH_EVERY: only after every Nth step. Many lives are much alike, so of theirs every tenth is enough for each day.
std::uint64_t every(std::uint64_t by_default) {
  const char* given = std::getenv("WEIR_CRASH_EVERY");
  return given && *given ? std::strtoull(given, nullptr, 10) : by_default;
}

// Nothing may be wrong with any prefix. The recording of a failure is kept; $WEIR_CRASH_REPLAY is one to look at again.
void check_all(const std::string& log, const char* name, std::uint64_t steps = 1) {
  const auto recording = read_recording(log);
  const auto started = Clock::now();
  const auto verdict = check_prefixes(recording, every(steps));
  const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - started);
  std::printf("# %s: %zu steps, %s states after a crash, %s of them different and opened, %.1f s\n", name, recording.size(),
              std::to_string(verdict.states).c_str(), std::to_string(verdict.opened).c_str(),
              static_cast<double>(took.count()) / 1000);
  std::size_t shown = 0;
  for (const auto& [what, fault] : verdict.faults) {
    if (++shown > kShown) break;
    FAIL_CHECK(what, " (in ", fault.states, " states; first ", fault.first, ")");
  }
  if (shown > kShown) FAIL_CHECK("and ", verdict.faults.size() - kShown, " more");
  CHECK(verdict.states > 0);
  if (verdict.faults.empty()) return;
  const auto kept = std::filesystem::temp_directory_path() / "weir-crash.log";
  std::filesystem::copy_file(log, kept, std::filesystem::copy_options::overwrite_existing);
  MESSAGE("the recording is in ", kept.string());
}

struct Wanted {
  std::string path, digest;
};

// Partial files may have wrong bytes after a crash, which the fill that resumes one finds out at its end. So a client may have to
// ask twice, and is never given what is wrong.
void serve_what_is_left(Witness& it, const std::vector<Wanted>& wanted) {
  const auto recording = read_recording(it.log());
  StateFolder folder(it.store());
  DiskModel disk;
  for (std::size_t count = 1; count <= recording.size(); ++count) {
    disk.play(recording[count - 1]);
    if (count * kServed / recording.size() == (count - 1) * kServed / recording.size()) continue;
    folder.hold(disk.contents(Survives::some, count));
    it.start_unrecorded();
    for (const auto& [path, digest] : wanted) {
      auto answer = fetch(it.weir().url(), path, {}, Body::hash);
      if (!answer.complete) answer = fetch(it.weir().url(), path, {}, Body::hash);
      CHECK_MESSAGE((answer.complete && answer.digest == digest), path, " after step ", count, ": ", answer.status, ' ',
                    answer.failure);
    }
    it.weir().kill();
  }
}

}  // namespace

TEST_CASE("after a crash at any step of its life the store opens, is whole, and holds what was promised") {
  if (const char* kept = std::getenv("WEIR_CRASH_REPLAY")) return check_all(kept, "a recording that was kept");
  const TemporaryDirectory scratch(fast_parent());
  Witness it(scratch);
  auto& registry = it.upstream.registry();
  const auto shared = Content::generated(20 * kKiB, 1);
  const auto first = make_image({.layers = {shared, Content::generated(90 * kKiB, 2)}});
  const auto second = make_image({.layers = {shared, Content::generated(5 * kKiB, 3)}});
  const auto third = make_image({.layers = {shared, Content::generated(70 * kKiB, 4)}});
  const auto big = registry.put_blob("big", Content::generated(700 * kKiB, 5));
  const auto long_name = registry.put_blob("lib", Content::generated(3 * kKiB, 6), Algorithm::sha512);
  first.put(registry, "app", "latest");
  second.put(registry, "app", "other");
  third.put(registry, "app");

  // Cold.
  it.start();
  it.pull_image("app", "latest", first);
  it.pull_tag("app", "other", second);
  it.pull({{"app", second.config_digest()}, {"app", second.layer_digest(1)}, {"lib", long_name}, {"big", big}});

  // A tag moves, is asked for, and moves again.
  registry.tag("app", "latest", third.digest());
  it.pull_tag("app", "latest", third);
  it.pull("app", third.layer_digest(1));
  registry.tag("app", "latest", second.digest());
  it.refresh_tag("app", "latest", second);
  registry.tag("app", "latest", first.digest());
  it.pull_tag("app", "latest", first);

  // An upstream that breaks off, and one that lies.
  const auto broken = registry.put_blob("big", Content::generated(300 * kKiB, 7));
  it.upstream.add_rule({.path = exactly(blob_path("big", broken)), .times = 1, .action = reset_after(100 * kKiB)});
  it.pull("big", broken);
  const auto wrong = Content::generated(40 * kKiB, 8).digest();
  registry.put_blob_as("big", wrong, Content::generated(40 * kKiB, 9));
  it.note("gone " + Witness::blob(wrong));
  CHECK(!fetch(it.weir().url(), blob_path("big", wrong)).complete);

  // Purges: of a tag, of a digest, of a repository.
  std::vector<std::string> of_second{Witness::tag("app", "other")};
  for (const auto& digest : {second.digest(), second.config_digest(), second.layer_digest(1)}) {
    of_second.insert(of_second.end(), {Witness::link("app", digest), Witness::blob(digest)});
  }
  it.purge(R"({"reference":"up/app:other"})", of_second);
  it.purge("{\"digest\":\"" + long_name + "\"}", {Witness::blob(long_name), Witness::link("lib", long_name)});
  it.purge(R"({"reference":"up/big"})",
           {Witness::blob(big), Witness::link("big", big), Witness::blob(broken), Witness::link("big", broken)});

  // Killed in the middle of a fill, started again, and the fill resumed; what was purged comes back.
  const auto cut = registry.put_blob("app", Content::generated(200 * kKiB, 10));
  const auto gate = it.upstream.hold(exactly(blob_path("app", cut)), 120 * kKiB);
  {
    it.note("begins " + Witness::blob(cut));
    HttpClient client(it.weir().url());
    REQUIRE(client.send_request("GET", blob_path("app", cut)));
    REQUIRE(gate->wait_until_reached());
    it.kill();
  }
  gate->release();
  it.start();
  it.pull("app", cut);
  it.pull_image("app", "other", second);
  it.terminate();

  // And once more, for a start on what a graceful end leaves.
  it.start();
  it.pull("lib", long_name);
  it.kill();
  check_all(it.log(), "a life");

  std::vector<Wanted> wanted{{manifest_path("app", "latest"), first.digest()}, {manifest_path("app", "other"), second.digest()}};
  for (const auto& image : {first, second, third}) {
    wanted.push_back({blob_path("app", image.config_digest()), image.config_digest()});
    for (std::size_t layer : {0, 1}) wanted.push_back({blob_path("app", image.layer_digest(layer)), image.layer_digest(layer)});
  }
  for (const auto& digest : {big, broken}) wanted.push_back({blob_path("big", digest), digest});
  wanted.push_back({blob_path("app", cut), cut});
  serve_what_is_left(it, wanted);
}

TEST_CASE("while blobs go for others to come, whatever a crash leaves is whole, and no file is forgotten") {
  const TemporaryDirectory scratch(fast_parent());
  Witness it(scratch, "capacity = 2MiB\nreserve = 0\n");
  auto& registry = it.upstream.registry();
  it.start();
  it.note("evicts");
  for (std::uint64_t i = 0; i < 16; ++i) {
    const auto image = make_image({.layers = {Content::generated((60 + 17 * i) * kKiB, 100 + i)}});
    image.put(registry, "app", std::to_string(i));
    it.pull_image("app", std::to_string(i), image);
    if (i == 9) {
      it.kill();
      it.start();
    }
  }
  CHECK(it.weir().metric("weir_evicted_blobs_total") > 3);
  it.kill();
  check_all(it.log(), "a store that is too small");
}

// What one crash has left unsynced is there for the next program, which must not take it for safe.
TEST_CASE("a program that goes on where another was killed, at whichever step, keeps what both have promised") {
  const TemporaryDirectory scratch(fast_parent());
  Witness it(scratch);
  auto& registry = it.upstream.registry();

  // The store is being made.
  std::uint64_t steps = 1;
  while (!it.start_to_die_after(steps)) REQUIRE(++steps < 100);
  it.weir().kill();
  CHECK(steps > 3);

  // An image is being pulled; the next program pulls it to the end.
  std::uint64_t lives = 1;
  for (bool died = true; died; ++lives) {
    REQUIRE(lives < 100);
    const auto image = make_image({.layers = {Content::generated(kKiB, lives)}});
    const auto tag = std::to_string(lives);
    image.put(registry, "app", tag);
    died = it.start_to_die_after(lives) ? it.dies_of("app", tag, image) : true;
    it.weir().kill();
    it.start();
    it.pull_tag("app", tag, image);
    it.pull("app", image.layer_digest(0));
    it.weir().kill();
  }
  CHECK(lives > 15);
  it.check_against_disk();
  check_all(it.log(), "many short lives", 10);
}

}  // namespace weir::testing
