// policy [RULES...]: what a decision costs with so many rules, of which at most ten match; how long they take to load, and what
// they take of memory. The claims are those of the issue that asked for it.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kMiB = 1 << 20;
constexpr std::size_t kDecisions = 400'000;
constexpr std::size_t kNames = 60;  // that are asked for over and over, as nodes do
constexpr std::size_t kExpressions = 200;  // of the rules so many at most

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double resident() {
  std::ifstream file("/proc/self/statm");
  double total = 0, pages = 0;
  file >> total >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// Of this process and those it started, in seconds.
double cpu() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const auto& part : {used.ru_utime, used.ru_stime})
      sum += static_cast<double>(part.tv_sec) + static_cast<double>(part.tv_usec) / 1e6;
  }
  return sum;
}

// Ten rules a team, of every kind of pattern and condition; all of them speak of its name, and none of another team's.
void write_rules(const std::string& file, std::size_t count) {
  std::ofstream out(file);
  out << "group robots node/** robot/*\n";
  std::size_t expressions = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto team = "team-" + std::to_string(i / 10);
    const auto host = "registry" + std::to_string(i / 10 % 5) + ".example.com/";
    const auto name = "rule-" + std::to_string(i);
    switch (i % 10) {
      case 0: out << name << " deny * pull " << host << team << "/** tag=bad*\n"; break;
      case 1: out << name << " allow node/" << team << "-* pull **\n"; break;
      case 2: out << name << " allow node/" << team << "-1 pull,push " << host << team << "/app-rc\n"; break;
      case 3: out << name << " allow * pull **/" << team << "/app-rc from=10.7.0.0/16\n"; break;
      case 4: out << name << " allow group:robots pull " << host << team << "/*\n"; break;
      case 5: out << name << " deny * pull " << host << team << "/*-rc tag=v*,latest from=192.168.0.0/16\n"; break;
      case 6: out << name << " allow * * " << host.substr(0, 8) << "*/" << team << "/app-rc by-digest-only\n"; break;
      case 7:
        if (++expressions <= kExpressions)
          out << name << " allow * pull ~registry[0-9]\\.example\\.com/" << team << "/[a-z]+-(rc|v[0-9]{1,3})\n";
        else out << name << " allow * pull " << host << team << "/app**\n";
        break;
      case 8: out << name << " allow * pull " << host << team << "/app* upstream=up\n"; break;
      default: out << name << " deny node/" << team << "-* pull " << host << team << "/** time=Sat,Sun\n";
    }
  }
}

struct Figures {
  double load = 0, load_cpu = 0, reload = 0, memory = 0, peak = 0, median = 0, p99 = 0, matched = 0;
};

Figures measure(std::size_t count, const std::string& folder) {
  const auto file = folder + "/policy.rules";
  write_rules(file, count);
  weir::RealFileSystem disk;
  const weir::PolicyOptions options{.file = file};
  const weir::Matcher::Options matching{.disk = &disk, .folder = folder + "/compiled"};
  Figures figures;
  const auto before = resident();
  const auto cpu_before = cpu();
  auto start = Clock::now();
  auto loaded = weir::Policy::load(options, matching);
  figures.load = seconds_since(start);
  figures.load_cpu = cpu() - cpu_before;
  const auto* made = std::get_if<std::shared_ptr<const weir::Policy>>(&loaded);
  if (!made) throw std::runtime_error(std::get<1>(loaded).front().text());
  const auto policy = *made;
  figures.memory = (resident() - before) / kMiB;
  start = Clock::now();
  const auto again = weir::Policy::load(options, matching);
  figures.reload = seconds_since(start);
  if (again.index() != 0) throw std::runtime_error("it does not load twice");

  std::vector<std::string> repositories, identities;
  for (std::size_t i = 0; i < kNames; ++i) {
    const auto team = i * 7919 % (count / 10);
    repositories.push_back("registry" + std::to_string(team % 5) + ".example.com/team-" + std::to_string(team) +
                           (i % 2 ? "/app-rc" : "/tool"));
    identities.push_back("node/team-" + std::to_string(team) + '-' + std::to_string(i % 3));
  }
  std::vector<std::uint32_t> took;
  took.reserve(kDecisions);
  std::size_t matched = 0, allowed = 0;
  for (std::size_t i = 0; i < kNames; ++i) {
    const weir::Question question{.identity = identities[i], .repository = repositories[i], .upstream = "up"};
    const auto rules = policy->explain(question).size();
    matched += rules;
    if (rules > 10) throw std::runtime_error("a name matches more than ten rules");
  }
  for (std::size_t i = 0; i < kDecisions; ++i) {
    const weir::Question question{.identity = identities[i % kNames],
                                  .from = weir::IpAddress::parse("10.7.1.1"),
                                  .repository = repositories[i % kNames],
                                  .upstream = "up",
                                  .now = 4 * 86'400,
                                  .asked = weir::Question::Asked::tag,
                                  .tag = i % 5 ? "latest" : "bad"};
    const auto begin = Clock::now();
    const auto decision = policy->decide(question);
    took.push_back(static_cast<std::uint32_t>((Clock::now() - begin).count()));
    allowed += decision.effect == weir::Decision::Effect::allow;
  }
  if (allowed == 0 || allowed == kDecisions) throw std::runtime_error("all decisions are the same");
  std::ranges::sort(took);
  figures.median = took[kDecisions / 2] / 1000.0;
  figures.p99 = took[kDecisions * 99 / 100] / 1000.0;
  figures.matched = static_cast<double>(matched) / kNames;
  rusage own{}, children{};
  ::getrusage(RUSAGE_SELF, &own);
  ::getrusage(RUSAGE_CHILDREN, &children);
  figures.peak = static_cast<double>(own.ru_maxrss + children.ru_maxrss) / 1024;
  return figures;
}

// In a process of its own, so that its memory is its own.
Figures measure_alone(std::size_t count) {
  char folder[] = "/tmp/weir-bench-policy-XXXXXX";
  int ends[2];
  if (!::mkdtemp(folder) || ::pipe(ends) != 0) throw std::runtime_error("no folder or no pipe");
  const auto child = ::fork();
  if (child == 0) {
    try {
      const auto figures = measure(count, folder);
      ::_exit(::write(ends[1], &figures, sizeof figures) == sizeof figures ? 0 : 1);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "bench_policy: %s\n", error.what());
      ::_exit(1);
    }
  }
  ::close(ends[1]);
  Figures figures;
  const auto got = ::read(ends[0], &figures, sizeof figures);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  [[maybe_unused]] const int removed = std::system(("rm -rf " + std::string(folder)).c_str());
  if (status != 0 || got != sizeof figures) throw std::runtime_error("the measurement failed");
  return figures;
}

bool claim(const char* what, double measured, double bound, const char* unit) {
  std::printf("  %-52s %8.2f %-4s  < %.0f %s  %s\n", what, measured, unit, bound, unit, measured < bound ? "met" : "missed");
  return measured < bound;
}

int main(const std::vector<std::size_t>& counts) {
  std::vector<Figures> all;
  std::printf("%8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "rules", "match", "p50 us", "p99 us", "load s", "cpu s", "again s", "MiB",
              "peak MiB");
  for (const auto count : counts) {
    const auto one = all.emplace_back(measure_alone(count));
    std::printf("%8zu %8.1f %8.2f %8.2f %8.2f %8.2f %8.2f %8.1f %8.1f\n", count, one.matched, one.median, one.p99, one.load,
                one.load_cpu, one.reload, one.memory, one.peak);
    std::fflush(stdout);
  }
  const auto [least, most] = std::ranges::minmax_element(all, {}, &Figures::median);
  bool good = claim("the slowest median by the fastest", most->median / least->median, 2, "");
  good &= claim("p99 of a decision", std::ranges::max_element(all, {}, &Figures::p99)->p99, 5, "us");
  good &= claim("load, nothing compiled before", all.back().load, 15, "s");
  good &= claim("peak memory, the compiler's process included", all.back().peak, 512, "MiB");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  try {
    std::vector<std::size_t> counts;
    for (int i = 1; i < count; ++i) counts.push_back(std::stoul(words[i]));
    return bench::main(counts.empty() ? std::vector<std::size_t>{10, 1000, 100'000} : counts);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_policy: %s\n", error.what());
    return 1;
  }
}
