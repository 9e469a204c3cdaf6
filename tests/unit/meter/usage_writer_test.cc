// WEIR_KILLS (8) times the writer is killed while two loops count; the scenario tests do it with the whole program.
#include "meter/usage_writer.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/unit/base/scratch.h"
#include "tests/unit/meter/usage_tools.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

UsageWriter::Options writing(const Scratch& scratch, unsigned loops = 1, CellBlock::Size block = {64, 8192}) {
  UsageWriter::Options options{.directory = scratch.file("meter"), .loops = loops, .meter = {}, .durable = false, .block = block};
  options.meter.flush_interval = Milliseconds(1);
  return options;
}

std::unique_ptr<UsageWriter> opened_writer(const Clock& clock, const UsageWriter::Options& options) {
  auto writer = UsageWriter::open(clock, nullptr, options);
  REQUIRE_MESSAGE(writer.ok(), (writer ? "" : writer.error().what));
  return *std::move(writer);
}

std::size_t cell_files(const Scratch& scratch) { return count_files(scratch.file("meter/cells")); }

constexpr unsigned kKeys = 40, kCountingLoops = 2;

// Shared with the process that is killed: how often each key was begun to be counted, and was counted.
struct Tally {
  std::atomic<std::uint64_t> begun[kCountingLoops][kKeys];
  std::atomic<std::uint64_t> done[kCountingLoops][kKeys];
  std::atomic<unsigned> opened;  // how many times it came to counting
};

std::string key_name(unsigned loop, unsigned key) { return "node" + std::to_string(loop) + "-" + std::to_string(key); }

// Counts on until it is killed. Blocks are small, so that one follows another; hours pass, so that cells do.
[[noreturn]] void count_until_killed(const Scratch& scratch, Tally& tally, unsigned seed) {
  ManualClock clock(3600 * (500 + static_cast<WallSeconds>(seed)));
  auto writer = UsageWriter::open(clock, nullptr, writing(scratch, kCountingLoops));
  if (!writer) ::_exit(1);
  (*writer)->start();
  tally.opened.fetch_add(1);
  std::vector<std::thread> threads;
  for (unsigned loop = 0; loop < kCountingLoops; ++loop) {
    threads.emplace_back([&, loop] {
      std::minstd_rand random(seed * 7 + loop + 1);
      for (unsigned i = 0;; ++i) {
        const auto key = static_cast<unsigned>(random() % kKeys);
        const auto name = key_name(loop, key);
        tally.begun[loop][key].fetch_add(1);
        (*writer)->recorder(loop).add(usage_key(name), {1, 7});
        tally.done[loop][key].fetch_add(1);
        if (i % 200 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
        if (loop == 0 && i % 2000 == 1999) clock.advance(std::chrono::hours(1));
      }
    });
  }
  for (;;) ::pause();
}

}  // namespace

TEST_CASE("what loops count is in the ledger after a fold, each thing once") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  const auto writer = opened_writer(clock, writing(scratch, 2));
  writer->recorder(0).add(usage_key("a"), {1, 100});
  writer->recorder(1).add(usage_key("a"), {1, 10});
  REQUIRE(writer->fold().ok());
  REQUIRE(writer->fold().ok());
  CHECK(rows_of(writer->ledger()) == "h500 a up/app sent 2/110\n");
  writer->recorder(0).add(usage_key("a"), {1, 1});
  REQUIRE(writer->fold().ok());
  CHECK(sums_by_identity(writer->ledger()).at("a") == Usage{3, 111});
}

TEST_CASE("an end in good order leaves no block behind, and the next start adds on") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  {
    const auto writer = opened_writer(clock, writing(scratch));
    CHECK(cell_files(scratch) == 1);
    writer->recorder(0).add(usage_key("a"), {1, 100});
  }
  CHECK(cell_files(scratch) == 0);
  const auto writer = opened_writer(clock, writing(scratch));
  writer->recorder(0).add(usage_key("a"), {1, 100});
  REQUIRE(writer->fold().ok());
  CHECK(sums_by_identity(writer->ledger()).at("a") == Usage{2, 200});
  CHECK(Ledger::Snapshot(writer->ledger()).epochs().size() == 1);
}

TEST_CASE("blocks that fill are followed by others, and go when they were counted") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  const auto writer = opened_writer(clock, writing(scratch, 1, {32, 4096}));
  for (int i = 0; i < 1000; ++i) {
    writer->recorder(0).add(usage_key("node" + std::to_string(i)), {1, 3});
    if (i % 10 == 9) REQUIRE(writer->fold().ok());
  }
  REQUIRE(writer->fold().ok());
  const auto sums = sums_by_identity(writer->ledger());
  CHECK(sums.size() == 1000);
  CHECK_FALSE(sums.contains("other"));
  CHECK(cell_files(scratch) <= 3);
  CHECK(Ledger::Snapshot(writer->ledger()).epochs().size() == cell_files(scratch));
}

TEST_CASE("a block that has no successor in time counts as other, and loses nothing") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  const auto writer = opened_writer(clock, writing(scratch, 1, {32, 4096}));
  for (int i = 0; i < 100; ++i) writer->recorder(0).add(usage_key("node" + std::to_string(i)), {1, 3});
  REQUIRE(writer->fold().ok());
  CHECK(sums_by_identity(writer->ledger()).at("other") == Usage{72, 216});
}

TEST_CASE("files of epochs that are not live count for nothing, and go") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  {
    const auto writer = opened_writer(clock, writing(scratch));
    writer->recorder(0).add(usage_key("a"), {1, 100});
    REQUIRE(writer->fold().ok());
    // Saved as a backup would, and put back when the epoch has ended.
    std::filesystem::copy(scratch.file("meter/cells"), scratch.file("saved"));
  }
  for (const auto& entry : std::filesystem::directory_iterator(scratch.file("saved")))
    std::filesystem::copy(entry.path(), scratch.file("meter/cells"));
  write_file(scratch.file("meter/cells/junk"), "junk");
  const auto writer = opened_writer(clock, writing(scratch));
  CHECK(sums_by_identity(writer->ledger()).at("a") == Usage{1, 100});
  CHECK(cell_files(scratch) == 1);
}

TEST_CASE("a disk that takes no block leaves counting in memory, and takes the next one later") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  const auto writer = opened_writer(clock, writing(scratch, 1, {32, 4096}));
  // A folder in the way of every file to come.
  std::filesystem::remove_all(scratch.file("meter/cells"));
  for (int i = 0; i < 200; ++i) {
    writer->recorder(0).add(usage_key("node" + std::to_string(i)), {1, 3});
    if (i % 10 == 9) REQUIRE(writer->fold().ok());
  }
  CHECK(sums_by_identity(writer->ledger()).size() == 200);
  std::filesystem::create_directory(scratch.file("meter/cells"));
  writer->recorder(0).add(usage_key("later"), {1, 3});  // in what was made in memory meanwhile
  REQUIRE(writer->fold().ok());
  CHECK(cell_files(scratch) == 1);
  CHECK(sums_by_identity(writer->ledger()).size() == 201);
}

TEST_CASE("one successor is made for a block, however often it is looked at") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  const auto writer = opened_writer(clock, writing(scratch, 1, {32, 4096}));
  for (int i = 0; i < 20; ++i) writer->recorder(0).add(usage_key("node" + std::to_string(i)), {1, 3});
  // It waits in memory when the disk takes one again.
  std::filesystem::remove_all(scratch.file("meter/cells"));
  REQUIRE(writer->fold().ok());
  std::filesystem::create_directory(scratch.file("meter/cells"));
  for (int i = 0; i < 20; ++i) REQUIRE(writer->fold().ok());
  CHECK(cell_files(scratch) == 0);
  for (const char* key : {"later", "later still"}) {
    writer->recorder(0).add(usage_key(key), {1, 3});
    REQUIRE(writer->fold().ok());
  }
  CHECK(cell_files(scratch) == 1);
  CHECK(sums_by_identity(writer->ledger()).size() == 22);
}

TEST_CASE("what is stored is noted once an hour, whoever starts how often") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  for (int i = 0; i < 3; ++i) {
    const auto writer = opened_writer(clock, writing(scratch));
    CHECK(writer->stored_noted(500) == (i > 0));
    REQUIRE(writer->note_stored(500, {{"up/app", "up", 1000}, {"up/tool", "up", 1}}).ok());
  }
  const auto writer = opened_writer(clock, writing(scratch));
  REQUIRE(writer->note_stored(501, {{"up/app", "up", 500}}).ok());
  CHECK(rows_of(writer->ledger(), 0, kNoEnd, Grain::day) == "d20  up/app stored 0/1500\nd20  up/tool stored 0/1\n");
}

TEST_CASE("killed while it counts and folds, again and again: nothing counted is lost, and nothing counts twice") {
  const char* text = std::getenv("WEIR_KILLS");
  const auto kills = text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 8;
  const Scratch scratch;
  void* shared = ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  auto& tally = *new (shared) Tally{};
  std::mt19937 random(std::random_device{}());
  for (unsigned i = 0; i < kills; ++i) {
    const auto opened = tally.opened.load();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) count_until_killed(scratch, tally, i);
    // Every other one dies while it counts, however slow the machine; the rest may while they open.
    for (int ms = 0; i % 2 == 0 && ms < 20'000 && tally.opened.load() == opened; ++ms)
      std::this_thread::sleep_for(Milliseconds(1));
    std::this_thread::sleep_for(Milliseconds(20 + random() % 80));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
  }
  ManualClock clock(3600 * 600);
  const auto writer = opened_writer(clock, writing(scratch, 1));
  const auto sums = sums_by_identity(writer->ledger());
  std::uint64_t counted = 0, begun = 0;
  for (unsigned loop = 0; loop < kCountingLoops; ++loop) {
    for (unsigned key = 0; key < kKeys; ++key) {
      const auto name = key_name(loop, key);
      const auto found = sums.find(name);
      const Usage sum = found == sums.end() ? Usage{} : found->second;
      counted += sum.requests;
      begun += tally.begun[loop][key];
      if (sums.contains("other")) continue;
      // A kill may come between the two additions of one thing that was begun.
      CHECK(sum.requests >= tally.done[loop][key]);
      CHECK(sum.requests <= tally.begun[loop][key]);
      CHECK(sum.amount >= 7 * tally.done[loop][key]);
      CHECK(sum.amount <= 7 * tally.begun[loop][key]);
    }
  }
  if (const auto other = sums.find("other"); other != sums.end()) counted += other->second.requests;
  MESSAGE(kills << " kills, " << begun << " things begun, " << counted << " counted");
  CHECK(counted <= begun);
  CHECK(counted + kills * kCountingLoops >= begun);
  CHECK(counted > 0);
  ::munmap(shared, sizeof(Tally));
}
