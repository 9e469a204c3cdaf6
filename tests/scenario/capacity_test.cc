// The store keeps to what it may take, and says so; who goes, who stays, and what happens to what does not fit.
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

// A capacity of four big blobs and a bit.
struct Small : Scene {
  explicit Small(const std::string& cache = "") : Scene({.sections = "[cache]\ncapacity = 20MiB\nreserve = 0\n" + cache}) {}

  Response pull(const Blob& blob) {
    auto response = get(blob.path, {}, Body::hash);
    CHECK(response.status == 200);
    CHECK(response.complete);
    CHECK(response.digest == blob.digest);
    return response;
  }
  Blob blob(std::uint64_t seed, std::uint64_t size = 4 * kMiB) { return put_blob(size, seed); }
  double taken() const { return weir.metric("weir_cache_taken_bytes"); }
  // The files there are, by inode and where they lie, with the bytes each takes.
  using Files = std::map<std::pair<ino_t, std::string>, std::uint64_t>;
  Files files() const {
    Files found;
    std::set<ino_t> seen;  // a file that gets its name meanwhile is met twice
    std::error_code gone;
    for (std::filesystem::recursive_directory_iterator at(weir.path("store"), gone), end; at != end; at.increment(gone)) {
      struct stat status{};
      if (::lstat(at->path().c_str(), &status) == 0 && S_ISREG(status.st_mode) && seen.insert(status.st_ino).second)
        found[{status.st_ino, at->path()}] = static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    return found;
  }
  static std::uint64_t sum(const Files& files) {
    std::uint64_t bytes = 0;
    for (const auto& [file, size] : files) bytes += size;
    return bytes;
  }
  std::uint64_t on_disk() const { return sum(files()); }
};

// What lay on the disk at once between two walks, at least. One walk alone is no moment: it may meet a file that goes
// meanwhile, and then the one that came in its place. A file only grows until it only shrinks.
std::uint64_t at_once(const Small::Files& before, const Small::Files& after) {
  std::uint64_t bytes = 0;
  for (const auto& [file, size] : before) {
    auto still = after.find(file);
    if (still != after.end()) bytes += std::min(size, still->second);
  }
  return bytes;
}

CommandResult command(const Scene& scene, std::vector<std::string> words) {
  words.insert(words.end(), {"--config", scene.weir.path("weir.conf"), "--set", "cache.directory=" + scene.weir.path("store")});
  return run_weir(words);
}

}  // namespace

TEST_CASE("ten times the capacity goes through, each blob whole, and the directory never holds more than it may (pain 5)") {
  Small scene;
  std::atomic<bool> done = false;
  std::uint64_t most = 0;
  std::jthread watcher([&] {
    auto before = scene.files();
    while (!done) {
      std::this_thread::sleep_for(Milliseconds(1));
      auto now = scene.files();
      most = std::max(most, at_once(before, now));
      before = std::move(now);
    }
  });
  for (std::uint64_t i = 0; i < 50; ++i) {
    scene.pull(scene.blob(100 + i));
    // For a moment, while it becomes a blob, a download is counted as both.
    CHECK_SOON(scene.fills(), "ok " + std::to_string(i + 1));
    CHECK(scene.taken() <= 20.0 * kMiB);
  }
  done = true;
  watcher.join();
  CHECK(most <= 20 * kMiB);
  CHECK(most >= 12 * kMiB);
  CHECK_SOON(scene.fills(), "ok 50");
  CHECK(scene.weir.metric("weir_evicted_bytes_total") >= 45.0 * 4 * kMiB);
  CHECK(scene.weir.metric("weir_cache_capacity_bytes") == 20.0 * kMiB);
  CHECK(fetch(scene.weir.admin_url(), "/readyz").body == "ready\n");
}

TEST_CASE("downloads that do not fit beside each other still reach their clients, and nobody gets a failure") {
  Small scene;
  std::vector<Blob> blobs;
  for (std::uint64_t i = 0; i < 12; ++i) blobs.push_back(scene.blob(i));
  {
    std::vector<std::jthread> clients;
    for (const auto& blob : blobs) {
      clients.emplace_back([&scene, &blob] {
        auto response = scene.get(blob.path, {}, Body::hash);
        CHECK(response.status == 200);
        CHECK(response.digest == blob.digest);
      });
    }
  }
  CHECK(wait_until([&] { return scene.weir.metric("weir_fills_active") == 0; }));
  CHECK(scene.taken() <= 20.0 * kMiB);
  CHECK(scene.on_disk() <= 20 * kMiB);
}

TEST_CASE("a blob larger than all there may be is passed through, verified, and nothing goes for it") {
  Small scene;
  auto kept = scene.blob(1);
  scene.pull(kept);
  CHECK_SOON(scene.fills(), "ok 1");
  auto big = scene.blob(2, 24 * kMiB);
  for (int i = 0; i < 2; ++i) {
    auto response = scene.pull(big);
    CHECK(scene.weir.metric("weir_evicted_blobs_total") == 0);
  }
  CHECK(scene.whole_gets(big.path) >= 2);
  CHECK(scene.pull(kept).headers.value("X-Cache") == "hit");
  CHECK(fetch(scene.weir.admin_url(), "/readyz").body == "ready\n");  // it is not the disk's fault
  // A part of it as well.
  auto part = scene.get(big.path, {{"Range", "bytes=1000-1999"}});
  CHECK(part.status == 206);
  CHECK(part.body == big.content.slice(1000, 1000));
}

TEST_CASE("one whose size nobody said is kept while it fits, and passed on when it turns out not to") {
  Small scene;
  auto fits = scene.blob(1, 2 * kMiB), too_big = scene.blob(2, 30 * kMiB);
  for (const auto& blob : {fits, too_big})
    scene.upstream.add_rule({.path = exactly(blob.path), .action = framed(Framing::chunked)});
  scene.pull(fits);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.pull(fits).headers.value("X-Cache") == "hit");
  scene.pull(too_big);
  CHECK_SOON(scene.fills(), "no_room 1, ok 1");
  CHECK(scene.on_disk() <= 20 * kMiB);
}

TEST_CASE("what is pinned by command stays until it is unpinned") {
  Small scene;
  auto pinned = scene.put_blob(4 * kMiB, 1, "pinned/app");
  scene.pull(pinned);
  CHECK_SOON(scene.fills(), "ok 1");
  auto said = command(scene, {"cache", "pin", "up/pinned/*"});
  CHECK(said.exit_code == 0);
  CHECK(command(scene, {"cache", "pin"}).output.find("up/pinned/*") != std::string::npos);
  CHECK(command(scene, {"cache", "pin", "no pattern"}).exit_code == 1);
  for (std::uint64_t i = 0; i < 12; ++i) scene.pull(scene.blob(100 + i));
  CHECK(scene.pull(pinned).headers.value("X-Cache") == "hit");
  // It survives a restart, and goes like any other afterwards.
  scene.weir.terminate();
  REQUIRE(scene.weir.start());
  for (std::uint64_t i = 0; i < 12; ++i) scene.pull(scene.blob(200 + i));
  CHECK(scene.pull(pinned).headers.value("X-Cache") == "hit");
  CHECK(command(scene, {"cache", "unpin", "up/pinned/*"}).exit_code == 0);
  CHECK(command(scene, {"cache", "pin"}).output.empty());
}

TEST_CASE("pinned by the configuration, also after a reload (pain 23)") {
  Small scene("pin = up/app:keep*\n");
  auto image = make_image({.layers = {Content::generated(4 * kMiB, 1)}});
  image.put(scene.upstream.registry(), "app", "keep-1");
  REQUIRE(scene.get(manifest_path("app", "keep-1")).status == 200);
  const auto layer = blob_path("app", image.layer_digest(0));
  REQUIRE(scene.get(layer, {}, Body::hash).digest == image.layer_digest(0));
  CHECK_SOON(scene.fills(), "ok 1");
  for (std::uint64_t i = 0; i < 12; ++i) scene.pull(scene.blob(100 + i));
  CHECK(scene.get(layer, {}, Body::hash).headers.value("X-Cache") == "hit");
}

TEST_CASE("what an upstream no longer has stays, as the last copy there is (pain 23)") {
  Small scene("tag-ttl = 0\nnegative-ttl = 0\n");
  auto image = make_image({.layers = {Content::generated(kMiB, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  const auto layer = blob_path("app", image.layer_digest(0));
  REQUIRE(scene.get(manifest_path("app", "latest")).status == 200);
  REQUIRE(scene.get(layer, {}, Body::hash).digest == image.layer_digest(0));
  CHECK_SOON(scene.fills(), "ok 1");
  scene.upstream.registry().untag("app", "latest");
  CHECK(scene.get(manifest_path("app", "latest")).status == 404);
  CHECK_SOON(scene.weir.metric("weir_cache_last_copy_bytes") >= double(kMiB), true);
  for (std::uint64_t i = 0; i < 16; ++i) scene.pull(scene.blob(100 + i));
  CHECK(scene.get(layer, {}, Body::hash).headers.value("X-Cache") == "hit");
  CHECK(scene.get(manifest_path("app", image.digest())).headers.value("X-Cache") == "hit");
  // The upstream has it again: it is one of many.
  image.put(scene.upstream.registry(), "app", "latest");
  CHECK(wait_until([&] { return scene.get(manifest_path("app", "latest")).status == 200; }));
}

TEST_CASE("a download that broke off counts, and goes when room is needed") {
  Small scene;
  auto broken = scene.blob(1, 8 * kMiB);
  scene.upstream.add_rule({.path = exactly(broken.path), .times = 1, .action = reset_after(6 * kMiB)});
  scene.upstream.add_rule({.path = exactly(broken.path), .action = answer(404)});
  CHECK(!scene.get(broken.path, {}, Body::hash).complete);
  CHECK_SOON(scene.weir.metric("weir_cache_partials"), 1);
  CHECK(scene.taken() >= 6.0 * kMiB);
  // A start counts it too.
  scene.weir.terminate();
  REQUIRE(scene.weir.start());
  CHECK(scene.weir.metric("weir_cache_partials") == 1);
  CHECK(scene.taken() >= 6.0 * kMiB);
  CHECK(scene.taken() <= 8.0 * kMiB);  // with the index, and what metering takes
  auto whole = scene.blob(2, 18 * kMiB);
  scene.pull(whole);
  CHECK_SOON(scene.weir.metric("weir_cache_partials"), 0);
  CHECK_SOON(scene.partials().empty(), true);
}

}  // namespace weir::testing
