// A year of usage of a large site, by the hour: 500 repositories, 200 identities. How large its ledger is, and how long reports take.
//
//   bench_report DIRECTORY [HOURS] [SERIES] [WORD]     8760 hours with 450 series in each; a ledger that is there is used again
//
// Prints a line for each report, or for those whose line has the word in it: the best of three.

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "meter/report.h"
#include "meter/report_page.h"
#include "meter/usage_writer.h"

namespace {

using namespace weir;

constexpr unsigned kRepositories = 500, kIdentities = 200;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_report: %s\n", what.c_str());
  std::exit(1);
}

// The same numbers each time.
std::uint64_t scrambled(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

// A day a transaction. A few repositories are everybody's, most are somebody's now and then.
void fill(const std::string& directory, HourNumber begin, unsigned hours, unsigned series) {
  auto opened = Ledger::open({.directory = directory, .durable = false, .max_series = 1'000'000});
  if (!opened) give_up(opened.error().what);
  std::uint64_t dice = 1;
  std::unique_ptr<Ledger::Fold> fold;
  for (unsigned hour = 0; hour < hours; ++hour) {
    if (!fold) fold = std::make_unique<Ledger::Fold>(**opened);
    for (unsigned i = 0; i < series; ++i) {
      const auto number = scrambled(++dice);
      const auto rank = number % kRepositories * (number >> 20 & 1023) / 1024;
      const auto repository = "registry" + std::to_string(rank % 5) + ".example/team/app-" + std::to_string(rank);
      const auto person = (number >> 32) % kIdentities;
      const auto identity = "node-" + std::to_string(person), team = "team-" + std::to_string(person % 12);
      const auto upstream = "registry" + std::to_string(rank % 5) + ".example";
      const bool miss = number % 8 == 0;
      const UsageKey key{identity, team, repository, upstream, miss ? Outcome::miss : Outcome::hit, Direction::sent};
      const Usage usage{1 + number % 40, number % 3'000'000'000};
      bool good = fold->add(begin + hour, key, usage).ok();
      if (miss) {
        const UsageKey fetched{identity, team, repository, upstream, Outcome::miss, Direction::received};
        good = good && fold->add(begin + hour, fetched, {1, usage.amount / 2}).ok();
      }
      if (!good) give_up("the ledger takes nothing");
    }
    if (hour % 24 != 23 && hour + 1 != hours) continue;
    if (!fold->commit()) give_up("the ledger commits nothing");
    fold.reset();
    if (hour % (24 * 30) == 23) std::fprintf(stderr, "%u of %u hours\n", hour + 1, hours);
  }
}

std::string wanted;

template <typename Work>
void timed(std::string_view name, Work work) {
  if (name.find(wanted) == std::string_view::npos) return;
  double best = 1e9, processor = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto before = std::clock();
    work();
    best = std::min(best, seconds_since(start));
    processor = std::min(processor, static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
  }
  std::printf("%-58s %8.3f s, %.3f s of a processor\n", std::string(name).c_str(), best, processor);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("bench_report DIRECTORY [HOURS] [SERIES] [WORD]");
  const UsageLayout layout{argv[1]};
  const auto hours = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 8760;
  const auto series = argc > 3 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)) : 450;
  if (argc > 4) wanted = argv[4];
  const auto begin = *parse_moment("2025-01-01");
  RealFileSystem disk;
  struct stat status{};
  if (::stat((layout.ledger() + "/data.mdb").c_str(), &status) != 0) {
    if (!disk.make_directories(layout.ledger()) || !disk.make_directories(layout.cells())) give_up("cannot make the folder");
    const auto start = std::chrono::steady_clock::now();
    fill(layout.ledger(), begin, hours, series);
    std::printf("%u hours of %u series written in %.1f s\n", hours, series, seconds_since(start));
  }
  auto prices = std::get<Prices>(
      Prices::parse("registry0.example transfer-gb 0.09 up-to=10TB\nregistry0.example transfer-gb 0.05\n"
                    "registry1.example request-1000 0.4\nstorage gb-month 0.1\n"));
  {
    auto view = UsageView::open(argv[1]);
    if (!view) give_up(view.error().what);
    std::printf("ledger: %.1f MiB, %zu series\n", static_cast<double>(view->ledger_bytes()) / (1 << 20), view->series().size());
  }
  const auto report = [&](ReportKind kind, std::vector<Dimension> by, std::size_t top, HourNumber from, HourNumber to) {
    auto view = UsageView::open(argv[1]);
    if (!view) give_up(view.error().what);
    const auto made = make_report(*view, prices, "USD", {kind, from, to, std::move(by), top});
    if (made.rows.empty()) give_up("an empty report");
  };
  timed("usage of the year, by outcome", [&] { report(ReportKind::usage, {Dimension::outcome}, 0, 0, kNoEnd); });
  timed("usage of the year, top 20 repositories", [&] { report(ReportKind::usage, {Dimension::repository}, 20, 0, kNoEnd); });
  timed("usage of the year, by identity and repository",
        [&] { report(ReportKind::usage, {Dimension::identity, Dimension::repository}, 0, 0, kNoEnd); });
  timed("cost of the year, by team", [&] { report(ReportKind::cost, {Dimension::team}, 0, 0, kNoEnd); });
  timed("savings of 1 May 05:00 to 20 September, by upstream",
        [&] { report(ReportKind::savings, {Dimension::upstream}, 0, begin + 24 * 120 + 5, begin + 24 * 262); });
  timed("savings of the year, by day", [&] { report(ReportKind::savings, {Dimension::day}, 0, 0, kNoEnd); });
  timed("the page of the year", [&] {
    auto view = UsageView::open(argv[1]);
    if (!view || report_page(*view, prices, "USD", 0, kNoEnd).empty()) give_up("an empty page");
  });
  return 0;
}
