// eviction [SEEDS]: what a cache of 10 % and of 30 % of the footprint would have answered, by policy, as Markdown.
//
// Each trace is made SEEDS times (3) and figures are means over them. Nothing is left out at the beginning: every policy
// starts empty and pays for the first request of each blob.

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/eviction/peers.h"
#include "tests/bench/eviction/policy.h"
#include "tests/bench/eviction/trace.h"
#include "tests/bench/eviction/weir_policy.h"

namespace bench {
namespace {

constexpr std::size_t kKinds = std::size(kTraceKinds);
constexpr int kPercents[] = {10, 30};
constexpr std::size_t kCells = kKinds * std::size(kPercents);  // a trace at a capacity

// In percent; means once divided by the number of seeds.
struct Score {
  double bytes = 0, blobs = 0, pulls = 0;  // answered from what is held; a pull, when all it asked for was
  double hit_writes = 0, miss_writes = 0;  // to tables, for each hit and each miss
  void add(const Score& other) {
    bytes += other.bytes;
    blobs += other.blobs;
    pulls += other.pulls;
    hit_writes += other.hit_writes;
    miss_writes += other.miss_writes;
  }
};

Score play(const Trace& trace, Policy& policy) {
  std::uint64_t bytes = 0, hit_bytes = 0, hits = 0, pulls = 0, whole_pulls = 0, hit_writes = 0;
  bool whole = true;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const auto& request = trace.requests[i];
    const auto size = trace.sizes[request.blob];
    const auto written = policy.writes();
    const bool hit = policy.request(request);
    bytes += size;
    hit_bytes += hit ? size : 0;
    hits += hit;
    hit_writes += hit ? policy.writes() - written : 0;
    whole = whole && hit;
    if (i + 1 == trace.requests.size() || trace.requests[i + 1].pull != request.pull) {
      ++pulls;
      whole_pulls += std::exchange(whole, true);
    }
  }
  const auto share = [](std::uint64_t part, std::uint64_t of) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(of);
  };
  const auto misses = trace.requests.size() - hits;
  return {share(hit_bytes, bytes), share(hits, trace.requests.size()), share(whole_pulls, pulls), share(hit_writes, hits) / 100,
          share(policy.writes() - hit_writes, misses) / 100};
}

struct TraceFigures {
  std::string name;
  double requests = 0, images = 0, pulled_once = 0, footprint = 0, asked = 0;
};

TraceFigures figures_of(const Trace& trace) {
  std::vector<std::uint32_t> pulls(trace.images.size());
  double asked = 0;
  for (const auto& request : trace.requests) {
    pulls[request.image] += request.blob == trace.images[request.image].front();
    asked += static_cast<double>(trace.sizes[request.blob]);
  }
  const auto pulled = pulls.size() - static_cast<std::size_t>(std::count(pulls.begin(), pulls.end(), 0u));
  const auto once = std::count(pulls.begin(), pulls.end(), 1u);
  return {trace.name,
          static_cast<double>(trace.requests.size()),
          static_cast<double>(pulled),
          100.0 * static_cast<double>(once) / static_cast<double>(pulled),
          static_cast<double>(trace.footprint) / 1e9,
          asked / 1e9};
}

// ---- every contender on every trace ---------------------------------------------------------------

struct Results {
  TraceFigures traces[kKinds];
  std::vector<std::vector<Score>> scores;  // by contender and cell
};

Results run(std::span<const Contender> contenders, int seeds) {
  // By job, so that threads share nothing: a job is one trace of one seed.
  struct Job {
    TraceFigures trace;
    std::vector<std::vector<Score>> scores;  // by contender and percentage
  };
  std::vector<Job> jobs(kKinds * static_cast<std::size_t>(seeds));
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t number; (number = next++) < jobs.size();) {
      auto& job = jobs[number];
      const auto trace = make_trace(kTraceKinds[number % kKinds], number / kKinds + 1);
      job.trace = figures_of(trace);
      for (const auto& contender : contenders) {
        auto& scores = job.scores.emplace_back();
        for (const int percent : kPercents) {
          const auto policy = contender.make(trace, trace.footprint / 100 * static_cast<unsigned>(percent));
          scores.push_back(play(trace, *policy));
        }
      }
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  threads.clear();

  Results results;
  results.scores.assign(contenders.size(), std::vector<Score>(kCells));
  for (std::size_t number = 0; number < jobs.size(); ++number) {
    const auto& [trace, scores] = jobs[number];
    const auto kind = number % kKinds;
    auto& sum = results.traces[kind];
    sum = {trace.name,
           sum.requests + trace.requests / seeds,
           sum.images + trace.images / seeds,
           sum.pulled_once + trace.pulled_once / seeds,
           sum.footprint + trace.footprint / seeds,
           sum.asked + trace.asked / seeds};
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      for (std::size_t size = 0; size < std::size(kPercents); ++size) {
        auto score = scores[i][size];
        for (auto* figure : {&score.bytes, &score.blobs, &score.pulls, &score.hit_writes, &score.miss_writes}) *figure /= seeds;
        results.scores[i][kind * std::size(kPercents) + size].add(score);
      }
    }
  }
  return results;
}

// ---- tables ---------------------------------------------------------------------------------------

void print_traces(const Results& results) {
  puts("| trace | requests | images | pulled once | footprint | asked for |\n|---|---|---|---|---|---|");
  for (const auto& trace : results.traces) {
    printf("| %s | %.0f | %.0f | %.0f %% | %.0f GB | %.0f GB |\n", trace.name.c_str(), trace.requests, trace.images,
           trace.pulled_once, trace.footprint, trace.asked);
  }
}

// Cells down, contenders across.
void print_ratios(const Results& results, std::span<const Contender> contenders, std::span<const std::size_t> columns,
                  double Score::* figure) {
  printf("| trace | size |");
  for (const auto column : columns) printf(" %s |", contenders[column].name.c_str());
  printf("\n|---|---|");
  for (std::size_t i = 0; i < columns.size(); ++i) printf("---|");
  puts("");
  for (std::size_t cell = 0; cell < kCells; ++cell) {
    printf("| %s | %d %% |", results.traces[cell / std::size(kPercents)].name.c_str(), kPercents[cell % std::size(kPercents)]);
    for (const auto column : columns) printf(" %.1f |", results.scores[column][cell].*figure);
    puts("");
  }
}

// Contenders down: points of byte hit ratio above LRU, the first contender.
void print_above_lru(const Results& results, std::span<const Contender> contenders, std::span<const std::size_t> rows) {
  puts(
      "| policy | mean | least | one-hit wonders 10 %, 30 % | nightly scan 10 %, 30 % | whole pulls, mean | writes a hit, a miss "
      "|");
  puts("|---|---|---|---|---|---|---|");
  for (const auto row : rows) {
    double above[kCells], mean = 0, pulls = 0, hit_writes = 0, miss_writes = 0;
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      const auto& ours = results.scores[row][cell];
      const auto& lru_score = results.scores[0][cell];
      above[cell] = ours.bytes - lru_score.bytes;
      mean += above[cell] / kCells;
      pulls += (ours.pulls - lru_score.pulls) / kCells;
      hit_writes += ours.hit_writes / kCells;
      miss_writes += ours.miss_writes / kCells;
    }
    const auto at = [&](TraceKind kind) { return above + static_cast<std::size_t>(kind) * std::size(kPercents); };
    const double *wonders = at(TraceKind::wonders), *scans = at(TraceKind::scans);
    printf("| %s | %+.1f | %+.1f | %+.1f, %+.1f | %+.1f, %+.1f | %+.1f |", contenders[row].name.c_str(), mean,
           *std::min_element(above, above + kCells), wonders[0], wonders[1], scans[0], scans[1], pulls);
    if (miss_writes > 0) printf(" %.2f, %.1f", hit_writes, miss_writes);
    puts(" |");
  }
}

void compare(int seeds) {
  std::vector<Contender> all;
  std::vector<std::size_t> peers, variants, units;
  const auto add = [&all](std::vector<std::size_t>& table, Contender contender) {
    table.push_back(all.size());
    all.push_back(std::move(contender));
  };
  add(peers, lru());
  add(peers, fifo());
  add(peers, gdsf(0.25));
  add(peers, arc());
  add(peers, tiny_lfu());
  add(peers, sieve(1));
  add(peers, weir_policy("S3-FIFO", {.small_percent = 10, .ghost_percent = 90, .use_interval = 0, .spare_shared = false}));
  add(peers, weir_policy("weir", {}));
  const auto ours = peers.back();
  add(peers, clairvoyant());

  using Siblings = WeirOptions::Siblings;
  units = {ours};
  add(units, weir_policy("shared blobs not spared", {.spare_shared = false}));
  add(units, weir_policy("unused siblings go too", {.siblings = Siblings::unused_go}));
  add(units, weir_policy("all siblings go too", {.siblings = Siblings::all_go}));

  variants.assign(peers.begin() + 1, peers.end());
  add(variants, sieve(3));
  for (const unsigned small : {2u, 10u}) {
    add(variants, weir_policy("weir, small " + std::to_string(small) + " %", {.small_percent = small}));
  }
  for (const unsigned ghost : {0u, 25u, 100u}) {
    add(variants, weir_policy("weir, ghosts " + std::to_string(ghost) + " %", {.ghost_percent = ghost}));
  }
  for (const unsigned interval : {0u, 3600u}) {
    add(variants, weir_policy("weir, interval " + std::to_string(interval) + " s", {.use_interval = interval}));
  }

  const auto results = run(all, seeds);
  puts("Traces:\n");
  print_traces(results);
  puts("\nByte hit ratio, percent:\n");
  print_ratios(results, all, peers, &Score::bytes);
  puts("\nObject hit ratio, percent:\n");
  print_ratios(results, all, peers, &Score::blobs);
  puts("\nPoints of byte hit ratio above LRU, over all traces and both sizes:\n");
  print_above_lru(results, all, variants);
  puts("\nWhole images, byte hit ratio:\n");
  print_ratios(results, all, units, &Score::bytes);
  puts("\nWhole images, pulls answered whole:\n");
  print_ratios(results, all, units, &Score::pulls);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? atoi(argv[1]) : 3;
  if (argc > 2 || seeds < 1) {
    fprintf(stderr, "usage: eviction [SEEDS]\n");
    return 2;
  }
  bench::compare(seeds);
}
