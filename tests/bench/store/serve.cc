#include <atomic>
#include <functional>
#include <future>
#include <vector>

#include "tests/bench/store/reader.h"
#include "tests/bench/store/steps.h"

namespace bench {
namespace {

constexpr unsigned kReaders = 2;
constexpr std::uint64_t kLookups = 1'000'000, kColdLookups = 2'000;
constexpr int kTouches = 100;      // in one transaction
constexpr double kLongest = 240;   // seconds that an eviction is watched

void print_latencies(const std::string& name, const Latencies& latencies) {
  print(name + ".count", static_cast<double>(latencies.count()));
  print(name + ".p50", latencies.microseconds(0.5));
  print(name + ".p99", latencies.microseconds(0.99));
  print(name + ".p999", latencies.microseconds(0.999));
}

// Readers on threads of their own, each until `go_on` says no.
void read(weir::BlobStore& store, const Population& blobs, const std::string& name,
          const std::function<bool(Reader&, std::uint64_t done)>& go_on) {
  std::vector<std::future<Reader>> readers;
  for (unsigned seed = 0; seed < kReaders; ++seed) {
    readers.push_back(std::async(std::launch::async, [&, seed] {
      Reader reader(store, blobs, seed);
      for (std::uint64_t done = 0; go_on(reader, done);) ++done;
      return reader;
    }));
  }
  Latencies lookups, opens;
  for (auto& future : readers) {
    const auto reader = future.get();
    lookups.add(reader.lookups());
    opens.add(reader.opens());
  }
  print_latencies(name, lookups);
  if (opens.count() > 0) print_latencies(name + ".open", opens);
}

void touch(weir::Index& index, const Population& blobs, const std::atomic<bool>& enough) {
  std::mt19937_64 random(kReaders);
  std::uint64_t commits = 0;
  const auto began = weir::SystemClock().now();
  for (; !enough; ++commits) {
    for (int i = 0; i < kTouches; ++i) index.touch(Population::digest(random() % blobs.count()));
    (void)index.commit_and_wait([](weir::IndexWriter&) { return weir::ok_status(); });
  }
  print("touches", kTouches * static_cast<double>(commits) / seconds_since(began));
}

}  // namespace

void start(const Settings& settings) {
  OpenStore store(settings, 0);
  print("start", store.seconds());
  const Population blobs(settings.count);
  read(*store, blobs, "lookup", [](Reader& reader, std::uint64_t done) {
    reader.look_up(false);
    return done + 1 < kColdLookups / kReaders;
  });
}

void serve(const Settings& settings) {
  OpenStore store(settings, 0);
  print("start", store.seconds());
  print("memory.start", anonymous_memory());
  print("index", static_cast<double>(store->index().file_bytes()));
  const Population blobs(settings.count);
  std::atomic<bool> enough = false;
  auto touches = std::async(std::launch::async, [&] { touch(store->index(), blobs, enough); });
  read(*store, blobs, "lookup", [](Reader& reader, std::uint64_t done) {
    reader.look_up(false);
    return done + 1 < kLookups / kReaders;
  });
  enough = true;
  touches.get();
  print("memory.lookups", anonymous_memory());
}

void evict(const Settings& settings) {
  std::uint64_t capacity = 0;
  {
    // Room ahead of need is a twentieth of the capacity; the index counts, and so does the ballast.
    OpenStore store(settings, 0);
    capacity = (store->index().totals().room / 2 + store->index().file_bytes()) / 19 * 20;
  }
  const auto began = weir::SystemClock().now();
  OpenStore store(settings, capacity);
  store->evictor().wake();
  const Population blobs(settings.count);
  const auto wanted = settings.count / 2 - settings.count / 100;
  std::atomic<bool> enough = false;
  auto eviction = std::async(std::launch::async, [&] {
    while (store->evictor().evicted_blobs() < wanted && seconds_since(began) < kLongest) {
      std::this_thread::sleep_for(weir::Milliseconds(10));
    }
    enough = true;
    print("evict", seconds_since(began));
  });
  read(*store, blobs, "lookup", [&](Reader& reader, std::uint64_t) {
    settings.files ? reader.look_up_and_open() : reader.look_up(true);
    // A busy server, not one that does nothing else.
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    return !enough;
  });
  eviction.get();
  print("evicted", static_cast<double>(store->evictor().evicted_blobs()));
  print("memory", anonymous_memory());
}

}  // namespace bench
