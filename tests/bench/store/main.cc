// store N DIR yes|no: a store of N blobs in a new folder below DIR, with or without their files: how fast it starts, what
// it takes of memory, how fast it answers, and how fast half of it goes. The folder is removed at the end.

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "tests/bench/store/steps.h"

namespace bench {
namespace {

namespace fs = std::filesystem;
using Figures = std::map<std::string, double>;

constexpr double kMiB = 1 << 20;
const std::map<std::string, void (*)(const Settings&)> kSteps{{"fill", fill}, {"start", start}, {"serve", serve}, {"evict", evict}};

Figures run(const std::string& step, const Settings& settings) {
  std::fprintf(stderr, "%s ...\n", step.c_str());
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  const auto child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl("/proc/self/exe", "bench_store", std::to_string(settings.count).c_str(), settings.folder.c_str(),
            settings.files ? "yes" : "no", step.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string said;
  char piece[4096];
  for (ssize_t count; (count = ::read(ends[0], piece, sizeof piece)) > 0;) said.append(piece, static_cast<std::size_t>(count));
  ::close(ends[0]);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error(step + " failed");
  Figures figures;
  std::istringstream lines(said);
  std::string name;
  for (double number; lines >> name >> number;) figures[name] = number;
  return figures;
}

// Nothing of any file is in memory then.
bool drop_page_cache() {
  ::sync();
  std::ofstream file("/proc/sys/vm/drop_caches");
  file << "3\n" << std::flush;
  return file.good();
}

// As a server's index is that has served for a while.
void warm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(1 << 20);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
  }
}

void heading() { std::printf("  %-52s %12s  %-12s %s\n", "figure", "measured", "claim", "verdict"); }

void row(const char* name, double measured, const char* unit, int digits = 2, double claim = 0) {
  char figure[32], bound[32] = "-";
  std::snprintf(figure, sizeof figure, "%.*f %s", digits, measured, unit);
  if (claim > 0) std::snprintf(bound, sizeof bound, "< %.0f %s", claim, unit);
  std::printf("  %-52s %12s  %-12s %s\n", name, figure, bound, claim == 0 ? "" : measured < claim ? "met" : "missed");
}

void rows(const std::string& what, const Figures& figures, const std::string& name, double claim = 0) {
  row((what + ", p50").c_str(), figures.at(name + ".p50"), "us");
  row((what + ", p99").c_str(), figures.at(name + ".p99"), "us", 2, claim);
  row((what + ", p99.9").c_str(), figures.at(name + ".p999"), "us");
}

void measure(const Settings& settings) {
  const auto count = static_cast<double>(settings.count);
  // What is claimed is claimed of a million.
  const auto claimed = [&](double most) { return settings.count <= 1'000'000 ? most : 0; };
  const auto filled = run("fill", settings);
  const bool dropped = drop_page_cache();
  const auto cold = dropped ? run("start", settings) : Figures();
  warm(settings.folder + "/index/data.mdb");
  const auto served = run("serve", settings);
  const auto evicted = run("evict", settings);

  std::printf("\n%.0f blobs%s\n", count, settings.files ? ", a file each" : ", no files");
  heading();
  if (settings.files) row("fill: files", filled.at("files"), "s", 1);
  row("fill: records", filled.at("records"), "s", 1);
  row("fill: all of it, on the disk", filled.at("fill"), "s", 1);
  row("start", served.at("start"), "s", 4, claimed(1));
  if (dropped) row("start, page cache dropped", cold.at("start"), "s", 4, claimed(1));
  else std::printf("  start, page cache dropped: not measured, only root may drop it\n");
  row("memory that is no file's, after the start", served.at("memory.start") / kMiB, "MiB", 1, claimed(64));
  row("the same after a million lookups", served.at("memory.lookups") / kMiB, "MiB", 1, claimed(64));
  row("the same after the eviction", evicted.at("memory") / kMiB, "MiB", 1, claimed(64));
  rows("lookup, 2 threads beside touches", served, "lookup", claimed(50));
  row("touches written meanwhile", served.at("touches"), "/s", 0);
  if (dropped) rows("lookup, page cache dropped", cold, "lookup");
  row("evicted, beside lookups", 100 * evicted.at("evicted") / count, "%", 1);
  row("  in", evicted.at("evict"), "s", 1, claimed(60));
  row("blobs evicted a second", evicted.at("evicted") / evicted.at("evict"), "/s", 0);
  rows("lookup beside the eviction", evicted, "lookup");
  if (evicted.contains("lookup.open.p50")) rows("open beside the eviction", evicted, "lookup.open");
  row("index file", served.at("index") / kMiB, "MiB", 0);
  row("index file, for each blob", served.at("index") / count, "B", 0);
  std::fflush(stdout);
}

int run_all(Settings settings, const std::string& directory) {
  fs::create_directories(directory);
  auto folder = fs::absolute(directory).lexically_normal() / "store-XXXXXX";
  settings.folder = folder.string();
  if (!::mkdtemp(settings.folder.data())) throw std::runtime_error("cannot make a folder in " + directory);
  const auto clean = [&] {
    std::error_code ignored;
    fs::remove_all(settings.folder, ignored);
    fs::remove(directory, ignored);  // when it is empty
  };
  try {
    measure(settings);
  } catch (...) {
    clean();
    throw;
  }
  clean();
  return 0;
}

int main(int count, char** words) {
  if (count != 4 && count != 5) throw std::runtime_error("usage: bench_store N DIR yes|no");
  const Settings settings{.folder = words[2], .count = std::stoull(words[1]), .files = std::string_view(words[3]) != "no"};
  if (settings.count < 1000) throw std::runtime_error("N is at least 1000");
  if (count == 4) return run_all(settings, words[2]);
  kSteps.at(words[4])(settings);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  try {
    return bench::main(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_store: %s\n", error.what());
    return 1;
  }
}
