#include "tests/bench/store/steps.h"

#include <stdio.h>

#include <fstream>
#include <stdexcept>

namespace bench {

void print(const std::string& name, double number) { ::printf("%s %.17g\n", name.c_str(), number); }

double seconds_since(weir::Instant began) { return std::chrono::duration<double>(weir::SystemClock().now() - began).count(); }

double anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return 1024 * std::stod(line.substr(line.find(':') + 1));
  }
  throw std::runtime_error("/proc/self/status does not say RssAnon");
}

OpenStore::OpenStore(const Settings& settings, std::uint64_t capacity) : disk_(settings.folder), pool_(2) {
  constexpr std::uint64_t kEnough = 1ull << 50;
  weir::CacheOptions options{.directory = settings.folder, .reserve = {}};
  options.capacity = {.bytes = capacity == 0 ? kEnough : capacity};
  const auto began = clock_.now();
  auto opened = weir::BlobStore::open(clock_, disk_, pool_, options);
  seconds_ = seconds_since(began);
  if (!opened) throw std::runtime_error(opened.error().what);
  store_ = *std::move(opened);
}

}  // namespace bench
