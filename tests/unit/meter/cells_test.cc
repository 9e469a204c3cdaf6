#include "meter/cells.h"

#include <fstream>

#include "tests/unit/base/scratch.h"
#include "tests/unit/meter/usage_tools.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

constexpr CellBlock::Size kSmall{8, 1024};

// `NUMBER HOUR IDENTITY TEAM REQUESTS/AMOUNT`, a cell a line.
std::string cells_in(const CellBlock& block) {
  std::string text;
  block.each([&](std::uint32_t number, HourNumber hour, const UsageKey& key, const Usage& usage) {
    text += std::to_string(number) + ' ' + std::to_string(hour) + ' ' + std::string(key.identity) + ' ' + std::string(key.team) +
            ' ' + std::to_string(usage.requests) + '/' + std::to_string(usage.amount) + '\n';
  });
  return text;
}

std::shared_ptr<const Teams> teams(std::vector<TeamOptions> options = {}) {
  return std::make_shared<const Teams>(std::move(options));
}

}  // namespace

TEST_CASE("a recorder counts in one cell what has the same key in the same hour") {
  ManualClock clock(3600 * 500);
  const auto block = CellBlock::in_memory(kSmall);
  UsageRecorder recorder(clock, block.get(), teams({{"ml", {"node/ml-*"}}, {"ops", {"**"}}}));
  for (int i = 0; i < 3; ++i) recorder.add(usage_key("node/ml-1"), {1, 10});
  recorder.add(usage_key("ci"), {1, 5});
  clock.advance(std::chrono::hours(1));
  recorder.add(usage_key("ci"), {1, 6});
  CHECK(cells_in(*block) == "0 500 node/ml-1 ml 3/30\n1 500 ci ops 1/5\n2 501 ci ops 1/6\n");
}

TEST_CASE("teams that are changed count from then on") {
  ManualClock clock(3600 * 500);
  const auto block = CellBlock::in_memory(kSmall);
  UsageRecorder recorder(clock, block.get(), teams());
  recorder.add(usage_key("ci"), {1, 5});
  recorder.set_teams(teams({{"build", {"ci"}}}));
  recorder.add(usage_key("ci"), {1, 5});
  CHECK(cells_in(*block) == "0 500 ci none 1/5\n1 500 ci build 1/5\n");
}

TEST_CASE("what a full block has no cell for is counted as other") {
  ManualClock clock(3600 * 500);
  const auto block = CellBlock::in_memory(kSmall);
  UsageRecorder recorder(clock, block.get(), teams());
  CHECK_FALSE(block->filling());
  for (int i = 0; i < 12; ++i) recorder.add(usage_key("node" + std::to_string(i)), {1, 10});
  CHECK(block->filling());
  Usage sum, other;
  block->each([&](std::uint32_t, HourNumber hour, const UsageKey& key, const Usage& usage) {
    CHECK(hour == 500);
    sum += usage;
    if (key.identity == kOther) other += usage;
  });
  CHECK(sum == Usage{12, 120});
  CHECK(other == Usage{5, 50});  // the last of eight cells stands for all that found none
}

TEST_CASE("made-up names fill a block, and what has no cell still counts for its team and upstream") {
  ManualClock clock(3600 * 500);
  const auto block = CellBlock::in_memory({64, 1 << 16});
  UsageRecorder recorder(clock, block.get(), teams({{"ml", {"node/*"}}}));
  std::uint64_t charged = 0;
  recorder.set_charge([&charged](HourNumber hour, const UsageKey& key, const Usage& usage) {
    CHECK(hour == 500);
    if (key.team == "ml" && key.upstream == "hub") charged += usage.amount;
  });
  const auto fetch = [&](const std::string& identity, const std::string& repository, std::uint64_t bytes) {
    recorder.add({identity, {}, repository, "hub", Outcome::miss, Direction::received}, {1, bytes});
  };
  for (int i = 0; i < 1000; ++i) fetch("anonymous", "hub/made-up" + std::to_string(i), 1);
  fetch("node/1", "hub/app", 70);
  fetch("node/2", "hub/other", 7);
  CHECK(charged == 77);
  std::uint64_t counted = 0;
  block->each([&](std::uint32_t, HourNumber, const UsageKey& key, const Usage& usage) {
    CHECK(key.team != kOther);
    if (key.team == "ml" && key.upstream == "hub") counted += usage.amount;
  });
  CHECK(counted == 77);
}

TEST_CASE("what is sent to clients is not charged") {
  ManualClock clock(3600 * 500);
  const auto block = CellBlock::in_memory(kSmall);
  UsageRecorder recorder(clock, block.get(), teams());
  recorder.set_charge([](HourNumber, const UsageKey&, const Usage&) { CHECK(false); });
  recorder.add(usage_key("node"), {1, 10});
}

TEST_CASE("a fresh block is taken with the next new cell, and the old one is left whole") {
  ManualClock clock(3600 * 500);
  const auto first = CellBlock::in_memory(kSmall), second = CellBlock::in_memory(kSmall);
  UsageRecorder recorder(clock, first.get(), teams());
  recorder.add(usage_key("a"), {1, 1});
  CHECK(recorder.offer(second.get()));
  CHECK_FALSE(recorder.offer(first.get()));
  recorder.add(usage_key("a"), {1, 1});
  CHECK_FALSE(first->left());
  recorder.add(usage_key("b"), {1, 1});
  CHECK(first->left());
  recorder.add(usage_key("a"), {1, 1});
  CHECK(cells_in(*first) == "0 500 a none 2/2\n");
  CHECK(cells_in(*second) == "0 500 b none 1/1\n1 500 a none 1/1\n");
}

TEST_CASE("a file is read as it was left, by whoever comes") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  {
    const auto block = CellBlock::create(scratch.file("7"), 7, kSmall);
    REQUIRE(block.ok());
    UsageRecorder recorder(clock, block->get(), teams());
    recorder.add(usage_key("a"), {1, 100});
    const auto beside = CellBlock::read(scratch.file("7"));
    REQUIRE(beside.ok());
    recorder.add(usage_key("a"), {1, 100});
    CHECK(cells_in(**beside) == "0 500 a none 2/200\n");
  }
  const auto block = CellBlock::read(scratch.file("7"));
  REQUIRE(block.ok());
  CHECK((*block)->epoch() == 7);
  CHECK(cells_in(**block) == "0 500 a none 2/200\n");
}

TEST_CASE("a file that is damaged gives what is right in it, or is refused") {
  const Scratch scratch;
  ManualClock clock(3600 * 500);
  {
    const auto block = CellBlock::create(scratch.file("7"), 7, kSmall);
    REQUIRE(block.ok());
    UsageRecorder recorder(clock, block->get(), teams());
    recorder.add(usage_key("aaaa"), {1, 100});
    recorder.add(usage_key("bbbb"), {1, 100});
  }
  auto text = read_file(scratch.file("7"));
  auto torn = text;
  torn[torn.find("aaaa")] = 'x';
  write_file(scratch.file("torn"), torn);
  const auto block = CellBlock::read(scratch.file("torn"));
  REQUIRE(block.ok());
  CHECK(cells_in(**block) == "1 500 bbbb none 1/100\n");
  for (const auto& bad : {std::string(), std::string("short"), std::string(text.size(), '\0'), text.substr(0, text.size() - 1)}) {
    write_file(scratch.file("bad"), bad);
    const auto refused = CellBlock::read(scratch.file("bad"));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().failure == Failure::corrupt);
  }
  CHECK(CellBlock::read(scratch.file("none")).error().failure == Failure::not_found);
}
