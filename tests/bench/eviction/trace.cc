#include "tests/bench/eviction/trace.h"

#include <algorithm>
#include <compare>
#include <deque>
#include <utility>

#include "tests/bench/eviction/random.h"

namespace bench {
namespace {

constexpr std::uint32_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kLength = 21 * kDay;
constexpr double kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB;

// ---- images -------------------------------------------------------------------------------------

// Sizes are those of compressed layers: half below 4 MiB, a tenth above 63 MiB.
constexpr double kLayerMedian = 4 * kMiB, kLayerSigma = 2.15, kLayerMost = 4 * kGiB;
constexpr double kBaseLayerMedian = 25 * kMiB, kBaseLayerSigma = 0.9;

class Catalogue {
 public:
  Catalogue(Trace& trace, std::uint64_t seed) : trace_(trace), random_(seed) {
    for (int i = 0; i < 60; ++i) bases_.push_back(layers(random_.between(1, 4), kBaseLayerMedian, kBaseLayerSigma));
    // Runtimes: a base and something on it, for many images again.
    for (int i = 0; i < 120; ++i) {
      auto runtime = bases_[popular_(random_) % 60];
      append(runtime, layers(random_.between(1, 3), kLayerMedian, kLayerSigma));
      bases_.push_back(std::move(runtime));
    }
  }

  std::uint32_t some_base() { return static_cast<std::uint32_t>(popular_(random_)); }

  // A new image on `base`, with layers of its own.
  Image add(std::uint32_t base, std::uint32_t own_layers) {
    std::vector<Blob> blobs{blob(2 * kKiB, 0.5), blob(5 * kKiB, 0.7)};
    append(blobs, bases_[base]);
    append(blobs, layers(own_layers, kLayerMedian, kLayerSigma));
    trace_.images.push_back(std::move(blobs));
    return static_cast<Image>(trace_.images.size() - 1);
  }
  Image add() { return add(some_base(), random_.between(1, 6)); }

 private:
  Blob blob(double median, double sigma) {
    trace_.sizes.push_back(static_cast<std::uint64_t>(std::clamp(random_.log_normal(median, sigma), 100.0, kLayerMost)));
    return static_cast<Blob>(trace_.sizes.size() - 1);
  }
  std::vector<Blob> layers(std::uint32_t count, double median, double sigma) {
    std::vector<Blob> layers(count);
    for (auto& layer : layers) layer = blob(median, sigma);
    return layers;
  }
  static void append(std::vector<Blob>& to, const std::vector<Blob>& more) { to.insert(to.end(), more.begin(), more.end()); }

  Trace& trace_;
  Random random_;
  Zipf popular_{180, 0.9};
  std::vector<std::vector<Blob>> bases_;
};

// ---- who pulls what, and when -------------------------------------------------------------------

constexpr std::uint32_t kNodes = 300;
constexpr std::size_t kImagesOfNode = 30;
constexpr std::uint32_t kEmpty = kNodes;    // a client that holds nothing
constexpr std::uint32_t kScanner = kNodes + 1;  // holds what it read this night

struct Pull {
  std::uint32_t second;
  Image image;
  std::uint32_t client;

  friend auto operator<=>(const Pull&, const Pull&) = default;
};

class Schedule {
 public:
  Schedule(Catalogue& catalogue, std::uint64_t seed) : catalogue_(catalogue), random_(seed) {}

  // `a_day` pulls by popularity, of which `once` want an image of their own. `moves` times a day two images change
  // their places in the order of popularity.
  void steady(std::uint32_t images, double a_day, double once, double moves = 0) {
    std::vector<Image> known(images);
    for (auto& image : known) image = catalogue_.add();
    const Zipf popular(images, 0.9);
    for (double at = 0; (at += random_.gap(kDay / a_day)) < kLength;) {
      if (random_.chance(moves / a_day)) std::swap(known[popular(random_)], known[random_.below(images)]);
      const Image image = random_.chance(once) ? catalogue_.add() : known[popular(random_)];
      add(at, image, random_.chance(0.4) ? kEmpty : random_.below(kNodes));
    }
    scanned_.insert(scanned_.end(), known.begin(), known.end());
  }

  // Each service is deployed now and then: a new image, on all of its nodes within ten minutes, and until the next one
  // on a node now and then that starts it later.
  void storms(std::uint32_t services, double days_between) {
    for (std::uint32_t service = 0; service < services; ++service) {
      const auto base = catalogue_.some_base();
      const auto nodes = random_.between(3, 100);
      const auto first_node = random_.below(kNodes);
      for (double at = random_.gap(days_between * kDay); at < kLength;) {
        const Image image = catalogue_.add(base, random_.between(1, 3));
        const double next = at + random_.gap(days_between * kDay);
        for (std::uint32_t node = 0; node < nodes; ++node) {
          add(at + random_.unit() * 10 * kMinute, image, (first_node + node) % kNodes);
        }
        for (double later = at; (later += random_.gap(2.0 * kDay)) < next;) add(later, image, random_.below(kNodes));
        at = next;
      }
    }
  }

  // Each pipeline builds several times a day: its build image is pulled, then what it made, a few times.
  void pipelines(std::uint32_t count, double builds_a_day) {
    for (std::uint32_t pipeline = 0; pipeline < count; ++pipeline) {
      const Image builder = catalogue_.add();
      const auto base = catalogue_.some_base();
      for (double at = 0; (at += random_.gap(kDay / builds_a_day)) < kLength;) {
        add(at, builder, kEmpty);
        const Image built = catalogue_.add(base, random_.between(1, 2));
        const auto pulls = random_.between(1, 6);
        for (double later = at, i = 0; i < pulls; ++i) add(later += random_.gap(1.0 * kHour), built, kEmpty);
      }
    }
  }

  // Every image of `steady`, in one order, each night from two o'clock on.
  void scans() {
    for (std::uint32_t night = 2 * kHour; night < kLength; night += kDay) {
      const double step = 3.0 * kHour / static_cast<double>(scanned_.size());
      for (std::size_t i = 0; i < scanned_.size(); ++i) add(night + step * static_cast<double>(i), scanned_[i], kScanner);
    }
  }

  std::vector<Pull> in_order() && {
    std::sort(pulls_.begin(), pulls_.end());
    return std::move(pulls_);
  }

 private:
  void add(double at, Image image, std::uint32_t client) {
    if (at < kLength) pulls_.push_back({static_cast<std::uint32_t>(at), image, client});
  }

  Catalogue& catalogue_;
  Random random_;
  std::vector<Image> scanned_;
  std::vector<Pull> pulls_;
};

// ---- what is asked for --------------------------------------------------------------------------

// A node: the images it pulled last.
class Node {
 public:
  bool holds(const Trace& trace, Blob blob) const {
    return std::any_of(images_.begin(), images_.end(), [&](Image image) {
      const auto& blobs = trace.images[image];
      return std::find(blobs.begin(), blobs.end(), blob) != blobs.end();
    });
  }
  void pulled(Image image) {
    if (const auto found = std::find(images_.begin(), images_.end(), image); found != images_.end()) images_.erase(found);
    images_.push_back(image);
    if (images_.size() > kImagesOfNode) images_.pop_front();
  }

 private:
  std::deque<Image> images_;
};

void expand(Trace& trace, const std::vector<Pull>& pulls) {
  std::vector<Node> nodes(kNodes);
  std::vector<std::uint32_t> scanned(trace.sizes.size());  // by blob: the day of its last scan, from 1 on
  std::vector<bool> asked(trace.sizes.size());
  for (std::uint32_t number = 0; number < pulls.size(); ++number) {
    const auto& [second, image, client] = pulls[number];
    for (const Blob blob : trace.images[image]) {
      const bool manifest = blob == trace.images[image].front();
      if (client < kNodes && !manifest && nodes[client].holds(trace, blob)) continue;
      if (client == kScanner && std::exchange(scanned[blob], second / kDay + 1) == second / kDay + 1) continue;
      trace.requests.push_back({second, blob, image, number});
      if (!asked[blob]) trace.footprint += trace.sizes[blob];
      asked[blob] = true;
    }
    if (client < kNodes) nodes[client].pulled(image);
  }
}

}  // namespace

Trace make_trace(TraceKind kind, std::uint64_t seed) {
  Trace trace;
  Catalogue catalogue(trace, seed * 2);
  Schedule schedule(catalogue, seed * 2 + 1);
  switch (kind) {
    case TraceKind::zipf:
      trace.name = "Zipf";
      schedule.steady(2000, 3000, 0);
      break;
    case TraceKind::wonders:
      trace.name = "one-hit wonders";
      schedule.steady(8000, 3000, 0.15);
      break;
    case TraceKind::storms:
      trace.name = "deploy storms";
      schedule.steady(1000, 1000, 0);
      schedule.storms(200, 3);
      break;
    case TraceKind::scans:
      trace.name = "nightly scan";
      schedule.steady(1500, 3000, 0);
      schedule.scans();
      break;
    case TraceKind::pipelines:
      trace.name = "pipelines";
      schedule.steady(1000, 1000, 0);
      schedule.pipelines(60, 6);
      break;
    case TraceKind::mixed:
      trace.name = "mixed";
      schedule.steady(2500, 3000, 0.1, 20);
      schedule.storms(100, 4);
      schedule.pipelines(20, 4);
      schedule.scans();
      break;
  }
  expand(trace, std::move(schedule).in_order());
  return trace;
}

}  // namespace bench
