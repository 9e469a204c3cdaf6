// kill -9 under load, again and again on one store: what a client was given is there afterwards, and is right.
// WEIR_KILLS (20, under a sanitizer 5) times; WEIR_KILL_SEED repeats the choices of a run, though not its timing.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/scenario/dice.h"
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr unsigned kClients = 6;
// A store lives through so many: everything it holds is asked for after each.
constexpr unsigned kKillsOfAStore = 20;
constexpr const char* kRepositories[] = {"app", "team/tool"};
constexpr char kTag[] = "moving";

struct Promise {
  std::string cache = {};  // more lines of the section [cache]
  // What is stored stays, and is counted. With a capacity it may have gone: then whatever is served is right, and no more is
  // promised.
  bool keeps = true;
};

// One thing that can be asked for by its digest.
struct Thing {
  std::string path;
  std::string digest;
};

// What clients were given, by path. Any thread may call any function.
class Ledger {
 public:
  void answered(const Thing& thing, const Response& response) {
    std::lock_guard lock(mutex_);
    ++answers_;
    if (!response.complete) return;  // the program died
    if (response.status != 200 || response.digest != thing.digest) {
      wrong_.insert(std::to_string(response.status) + " " + response.digest + " for " + thing.path);
      return;
    }
    given_.emplace(thing.path, thing.digest);
    // A hit was read from the store, and a manifest is there before it is answered.
    if (response.headers.value("X-Cache") == "hit" || thing.path.find("/manifests/") != std::string::npos) {
      stored_.insert(thing.path);
    }
  }

  void complain(std::string what) {
    std::lock_guard lock(mutex_);
    wrong_.insert(std::move(what));
  }

  std::vector<Thing> given() const {
    std::lock_guard lock(mutex_);
    std::vector<Thing> things;
    for (const auto& [path, digest] : given_) things.push_back({path, digest});
    return things;
  }
  void note_stored(const std::vector<Thing>& things) {
    std::lock_guard lock(mutex_);
    for (const auto& thing : things) stored_.insert(thing.path);
  }
  std::set<std::string> stored() const {
    std::lock_guard lock(mutex_);
    return stored_;
  }
  std::set<std::string> wrong() const {
    std::lock_guard lock(mutex_);
    return wrong_;
  }
  std::uint64_t answers() const {
    std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> given_;  // guarded by mutex_, as all below
  std::set<std::string> stored_;
  std::set<std::string> wrong_;
  std::uint64_t answers_ = 0;
};

// A store, the program that is killed over it, and what there is to ask for.
class Ordeal {
 public:
  Ordeal(const Promise& promise, unsigned seed)
      : promise_(promise), seed_(seed), dice_(seed),
        scene_({.sections = "[cache]\nsync = durable\ntag-ttl = 0\n" + promise.cache + "[log]\naccess = off\n"}) {}

  // A while under load, the kill, and the next program over the same store.
  void live_and_die() {
    add_content();
    run_until(within(Milliseconds(10 + dice_.roll(290))));
    REQUIRE(wait_until([&] { return scene_.upstream.journal().open_connections() == 0; }));
    check_upstream();
    stored_ = ledger_.stored();
    REQUIRE(scene_.weir.start());
    ask_for(ledger_.given());
    for (const auto& each : kRepositories) {
      const auto target = manifest_path(each, kTag);
      CHECK(scene_.get(target).digest == tagged_[each]);
    }
  }

  // Everything there ever was is asked for, whether it had been before or not: so whatever a killed program left behind has
  // its record. Then the totals are those of the files.
  void check_totals() {
    ask_for(things_);
    CHECK_SOON(scene_.weir.metric("weir_fills_active"), 0);
    check_upstream();
    CHECK(scene_.partials().empty());
    CHECK(scene_.weir.terminate() == 0);
    const auto stat = run_weir({"cache", "stat", "--format", "json", "--set", "cache.directory=" + scene_.weir.path("store")});
    REQUIRE_MESSAGE(stat.exit_code == 0, stat.error);
    const auto files = scene_.stored("blobs");
    std::uint64_t bytes = 0;
    for (const auto& name : files) bytes += file_size(scene_.blob_file("sha256:" + name));
    CHECK(stat.output.find("\"blobs\":" + std::to_string(files.size()) + ",") != std::string::npos);
    CHECK(stat.output.find("\"bytes\":" + std::to_string(bytes) + ",") != std::string::npos);
    CHECK(files.size() == things_.size());
  }

  void check_answers() {
    for (const auto& complaint : ledger_.wrong()) FAIL_CHECK(complaint);
    MESSAGE("seed " << seed_ << ": " << ledger_.answers() << " answers, " << ledger_.given().size() << " of " << things_.size()
                    << " things given away, " << stored_.size() << " of them known to be stored before a kill, " << resumed_
                    << " fills resumed");
  }

 private:
  // A program's life brings some forty cold blobs, two of them layers that take a while, and an image in each repository.
  void add_content() {
    fresh_ = things_.size();
    for (const auto& repository : kRepositories) {
      for (int i = 0; i < 16; ++i) add_blob(repository, 1 + (i % 4 == 0 ? dice_.roll(400'000) : dice_.roll(20'000)));
      add_blob(repository, kMiB + dice_.roll(2 * kMiB));
      images_[repository].push_back(make_image({.layers = {Content::generated(10'000 + dice_.roll(50'000), ++seeds_)}}));
      const auto& image = images_[repository].back();
      image.put(scene_.upstream.registry(), repository, kTag);
      tagged_[repository] = image.digest();
      add({manifest_path(repository, image.digest()), image.digest()});
      add({blob_path(repository, image.config_digest()), image.config_digest()});
      add({blob_path(repository, image.layer_digest(0)), image.layer_digest(0)});
    }
    dice_.shuffle(things_.begin() + static_cast<std::ptrdiff_t>(fresh_), things_.end());
  }
  void add_blob(const std::string& repository, std::uint64_t size) {
    const auto blob = scene_.put_blob(size, ++seeds_, repository);
    add({blob.path, blob.digest});
  }
  void add(Thing thing) { things_.push_back(std::move(thing)); }

  // Clients come and the tags move until that moment; then the program is killed.
  void run_until(Deadline moment) {
    scene_.upstream.add_rule({.path = "/blobs/", .action = throttled(8'000'000)});
    next_ = 2 * fresh_;
    std::vector<std::jthread> clients;
    for (unsigned i = 0; i < kClients; ++i) {
      clients.emplace_back(
          [this, seed = static_cast<unsigned>(dice_.roll(1'000'000))](const std::stop_token& stop) { ask_on(Dice(seed), stop); });
    }
    while (Clock::now() < moment) {
      move_tags();
      note_what_is_counted();
      std::this_thread::sleep_for(std::min(Milliseconds(5), std::chrono::ceil<Milliseconds>(moment - Clock::now())));
    }
    scene_.weir.kill();
    for (auto& client : clients) client.request_stop();
    clients.clear();
    scene_.upstream.clear_rules();
  }

  void move_tags() {
    const std::string repository = kRepositories[dice_.roll(std::size(kRepositories))];
    const auto& images = images_[repository];
    tagged_[repository] = images[dice_.roll(images.size())].digest();
    scene_.upstream.registry().tag(repository, kTag, tagged_[repository]);
  }

  // With no fill under way, and none that failed, those of all that was given away by then have been counted ok.
  void note_what_is_counted() {
    const auto given = ledger_.given();
    const auto metrics = scene_.weir.metrics();
    const auto ended = metrics.value("weir_fills_total");
    if (ended == 0 || metrics.value("weir_fills_active") > 0) return;
    if (metrics.value("weir_fills_total", {{"result", "ok"}}) == ended) ledger_.note_stored(given);
  }

  void ask_on(Dice own, const std::stop_token& stop) {
    const auto url = scene_.weir.url();
    std::unique_ptr<HttpClient> client;
    while (!stop.stop_requested()) {
      if (!client || !client->connected()) client = std::make_unique<HttpClient>(url);
      if (own.one_in(4)) {
        ask_for_tag(*client, kRepositories[own.roll(std::size(kRepositories))]);
      } else {
        const auto cold = own.one_in(2) ? next_.fetch_add(1) / 2 : things_.size();
        ask_for(*client, things_[cold < things_.size() ? cold : own.roll(things_.size())]);
      }
      std::this_thread::sleep_for(Milliseconds(own.roll(6)));
    }
  }

  Response ask_for(HttpClient& client, const Thing& thing) {
    auto response = client.get(thing.path, {}, Body::hash);
    ledger_.answered(thing, response);
    return response;
  }

  // Whatever the tag named a moment ago is right.
  void ask_for_tag(HttpClient& client, const std::string& repository) {
    const auto response = client.get(manifest_path(repository, kTag), {}, Body::hash);
    const auto& images = images_.at(repository);
    const auto found = std::ranges::find(images, response.digest, &Image::digest);
    const auto digest = found == images.end() ? "a digest of " + repository : found->digest();
    ledger_.answered({manifest_path(repository, digest), digest}, response);
  }

  // Of the running program, all at once; each answer comes whole.
  void ask_for(const std::vector<Thing>& things) {
    std::vector<std::jthread> clients;
    for (std::size_t first = 0; first < kClients; ++first) {
      clients.emplace_back([this, &things, first] {
        HttpClient client(scene_.weir.url());
        for (auto i = first; i < things.size(); i += kClients) {
          const auto response = ask_for(client, things[i]);
          if (!response.complete) ledger_.complain("cut after the kill: " + things[i].path + ", " + response.failure);
        }
      });
    }
  }

  // What was stored before the latest kill, the upstream was never asked for again.
  void check_upstream() {
    for (const auto& request : scene_.upstream.journal().requests("GET")) {
      if (promise_.keeps && stored_.contains(request.path())) ledger_.complain("asked for again: " + request.path());
      resumed_ += request.headers.has("Range") ? 1 : 0;
    }
    scene_.upstream.journal().clear();
  }

  const Promise promise_;
  const unsigned seed_;
  Dice dice_;
  Scene scene_;
  Ledger ledger_;
  std::vector<Thing> things_;  // what can be asked for; the clients' while they run
  std::size_t fresh_ = 0;  // of these, the first that came last
  std::atomic<std::size_t> next_ = 0;  // twice the next cold one: each is asked for by two
  std::map<std::string, std::vector<Image>> images_;  // by repository
  std::map<std::string, std::string> tagged_;  // the digest that each repository's tag names
  std::set<std::string> stored_;  // the paths of what was stored before the latest kill
  std::uint64_t seeds_ = 0;
  std::uint64_t resumed_ = 0;
};

void kill_again_and_again(const Promise& promise) {
  const unsigned kills = from_environment("WEIR_KILLS", sanitized() ? 5 : 20);
  unsigned seed = from_environment("WEIR_KILL_SEED", std::random_device{}());
  for (unsigned done = 0; done < kills; done += kKillsOfAStore, ++seed) {
    CAPTURE(seed);
    Ordeal ordeal(promise, seed);
    for (unsigned i = done; i < std::min(kills, done + kKillsOfAStore); ++i) ordeal.live_and_die();
    if (promise.keeps) ordeal.check_totals();
    ordeal.check_answers();
  }
}

}  // namespace

TEST_CASE(
    "killed under load and started again, over and over: what was given to a client is served whole, what was stored is "
    "never fetched again, and the totals are those of the files (pain 16)") {
  kill_again_and_again({});
}

TEST_CASE("killed while blobs go for others to come: whatever is served afterwards is right") {
  kill_again_and_again({.cache = "capacity = 8MiB\nreserve = 0\n", .keeps = false});
}

}  // namespace weir::testing
