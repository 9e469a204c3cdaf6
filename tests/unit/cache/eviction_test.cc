#include "cache/eviction.h"

#include <deque>
#include <map>
#include <random>
#include <set>

#include "tests/support/sanitized.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

using Queue = EvictionQueue;
using End = Eviction::Shrunk::End;

// A store that refuses what the header does not promise.
class MapStore final : public EvictionStore {
 public:
  std::optional<EvictionRecord> find(std::string_view key) override {
    const auto found = records.find(key);
    if (found == records.end()) return std::nullopt;
    return found->second;
  }
  void put(std::string_view key, const EvictionRecord& record) override {
    ++writes;
    records.insert_or_assign(std::string(key), record);
  }
  void erase(std::string_view key) override { REQUIRE(records.erase(std::string(key)) == 1); }

  std::optional<Entry> head(Queue queue) override {
    const auto& entries = queues[static_cast<std::size_t>(queue)];
    if (entries.empty()) return std::nullopt;
    return Entry{entries.begin()->first, entries.begin()->second};
  }
  void append(Queue queue, std::uint64_t sequence, std::string_view key) override {
    REQUIRE((!last || sequence > *last));
    last = sequence;
    queues[static_cast<std::size_t>(queue)].emplace(sequence, key);
  }
  void take(Queue queue, std::uint64_t sequence) override {
    REQUIRE(queues[static_cast<std::size_t>(queue)].erase(sequence) == 1);
  }

  std::map<std::string, EvictionRecord, std::less<>> records;
  std::array<std::map<std::uint64_t, std::string>, 3> queues;
  std::optional<std::uint64_t> last;
  int writes = 0;
};

struct Cache {
  EvictionOptions options{.capacity = 1000, .small_percent = 10, .ghost_percent = 25, .use_interval = 0};
  MapStore store;
  EvictionState state;
  std::set<std::string> pinned, shared;
  std::vector<std::string> evicted;
  WallSeconds now = 1'000'000;

  Eviction eviction() { return {options, store, state}; }
  Eviction::Question keep() {
    return [this](std::string_view key) { return pinned.contains(std::string(key)); };
  }
  Eviction::Questions ask() {
    return {keep(), [this](std::string_view key) { return shared.contains(std::string(key)); }};
  }
  bool holds(const std::string& key) {
    const auto record = store.find(key);
    return record && record->queue != Queue::ghost;
  }
  End shrink(std::uint64_t bytes, std::uint64_t steps = UINT64_MAX) {
    auto shrunk = eviction().shrink(bytes, ask(), steps);
    for (auto& victim : shrunk.victims) evicted.push_back(std::move(victim.key));
    return shrunk.end;
  }
  // What a miss does; false: there was no room.
  bool fetch(const std::string& key, std::uint64_t size) {
    if (size > options.capacity || shrink(options.capacity - size) != End::done) return false;
    eviction().insert(key, size, now);
    return true;
  }
  // What a request does. True: hit.
  bool request(const std::string& key, std::uint64_t size) {
    ++now;
    if (holds(key)) {
      eviction().use(key, now);
      return true;
    }
    fetch(key, size);
    return false;
  }
  void check_sums() {
    EvictionState sums;
    for (const auto& [key, record] : store.records) {
      ++sums[record.queue].count;
      sums[record.queue].bytes += record.size;
      const auto& queue = store.queues[static_cast<std::size_t>(record.queue)];
      const auto entry = queue.find(record.sequence);
      REQUIRE(entry != queue.end());
      CHECK(entry->second == key);
    }
    CHECK(sums.queues == state.queues);
    for (std::size_t i = 0; i < 3; ++i) CHECK(store.queues[i].size() == state.queues[i].count);
  }
};

std::string name(int number) { return "b" + std::to_string(number); }

}  // namespace

TEST_CASE("what nobody used again leaves in the order in which it came") {
  Cache cache;
  for (int i = 0; i < 12; ++i) cache.request(name(i), 100);
  CHECK(cache.evicted == std::vector<std::string>{"b0", "b1"});
  cache.check_sums();
}

TEST_CASE("what was used survives a scan of a hundred times the capacity") {
  Cache cache;
  for (int i = 0; i < 5; ++i) cache.request(name(i), 100);
  for (int i = 0; i < 5; ++i) cache.request(name(i), 100);
  for (int i = 1000; i < 2000; ++i) cache.request(name(i), 100);
  for (int i = 0; i < 5; ++i) CHECK(cache.holds(name(i)));
  cache.check_sums();
}

TEST_CASE("a use weighs one more round in main, and three at most") {
  Cache cache;
  cache.options.small_percent = 0;
  for (const int uses : {9, 0, 2}) {
    const auto key = name(uses);
    cache.request(key, 100);
    cache.request(key, 100);  // into main, when small is searched
  }
  cache.request("other", 1);
  CHECK(cache.shrink(300) == End::done);
  CHECK(cache.state[Queue::main].count == 3);
  for (const int uses : {9, 2}) {
    for (int i = 0; i < uses; ++i) cache.request(name(uses), 100);
  }
  CHECK(cache.store.find("b9")->uses == EvictionRecord::kMostUses);
  cache.evicted.clear();
  CHECK(cache.shrink(0) == End::done);
  CHECK(cache.evicted == std::vector<std::string>{"b0", "b2", "b9"});
}

TEST_CASE("what comes back soon after it left enters main") {
  Cache cache;
  for (int i = 0; i < 11; ++i) cache.request(name(i), 100);
  REQUIRE(cache.store.find("b0"));
  CHECK(cache.store.find("b0")->queue == Queue::ghost);
  CHECK_FALSE(cache.request("b0", 100));
  CHECK(cache.store.find("b0")->queue == Queue::main);
  CHECK(cache.store.find("b10")->queue == Queue::small);
  cache.check_sums();
}

TEST_CASE("ghosts stay below their share of bytes and below the number of blobs held") {
  Cache cache;
  for (int i = 0; i < 500; ++i) {
    cache.request(name(i), 10);
    CHECK(cache.state[Queue::ghost].bytes <= 250);
    CHECK(cache.state[Queue::ghost].count <= cache.state.held());
  }
  CHECK(cache.state[Queue::ghost].count == 25);
  cache.options.capacity = 200;  // a reload; what is too much goes little by little
  for (int i = 500; i < 520; ++i) cache.request(name(i), 10);
  CHECK(cache.state[Queue::ghost].bytes <= 50);
  cache.check_sums();
}

TEST_CASE("a blob that must be kept is never evicted, wherever it is") {
  Cache cache;
  for (int i = 0; i < 10; ++i) cache.request(name(i), 100);
  cache.pinned = {"b0", "b3", "b9"};
  for (int i = 100; i < 300; ++i) cache.request(name(i), 100);
  for (const auto& key : cache.pinned) CHECK(cache.holds(key));
  CHECK(cache.state.held_bytes() == 1000);
  cache.check_sums();

  cache.pinned.clear();
  for (int i = 300; i < 340; ++i) {
    cache.request(name(i), 100);
    cache.request(name(i), 100);
  }
  CHECK_FALSE(cache.holds("b0"));
}

TEST_CASE("a search ends when everything must be kept, used or not") {
  Cache cache;
  for (int i = 0; i < 10; ++i) {
    cache.request(name(i), 100);
    cache.pinned.insert(name(i));
    if (i % 2 == 0) cache.request(name(i), 100);
  }
  for (int round = 0; round < 3; ++round) {
    CHECK(cache.shrink(999) == End::nothing_left);
    CHECK_FALSE(cache.fetch("new", 1));
    CHECK(cache.evicted.empty());
    cache.check_sums();
  }
  cache.pinned.erase("b7");
  CHECK(cache.shrink(999) == End::done);
  CHECK(cache.evicted == std::vector<std::string>{"b7"});
}

TEST_CASE("kept blobs in main do not hide one in small that may go") {
  Cache cache;
  for (int i = 0; i < 9; ++i) {
    cache.request(name(i), 100);
    cache.request(name(i), 100);
    cache.pinned.insert(name(i));
  }
  cache.request("loose", 50);
  CHECK(cache.shrink(900) == End::done);
  CHECK(cache.evicted == std::vector<std::string>{"loose"});
}

TEST_CASE("nothing is held: there is nothing to evict, and no room is made of nothing") {
  Cache cache;
  CHECK(cache.shrink(0) == End::done);
  CHECK_FALSE(cache.fetch("giant", 1001));
  CHECK(cache.fetch("whole", 1000));
  CHECK(cache.fetch("next", 1000));
  CHECK(cache.evicted == std::vector<std::string>{"whole"});
}

TEST_CASE("a search looks at no more records than it may, and the next goes on") {
  Cache cache;
  for (int i = 0; i < 10; ++i) {
    cache.request(name(i), 100);
    cache.request(name(i), 100);
  }
  int searches = 1;
  for (; cache.shrink(900, 3) == End::out_of_steps; ++searches) {
    REQUIRE(searches < 100);
    cache.check_sums();
  }
  CHECK(searches == 4);  // ten moves from small to main, then the first of main
  CHECK(cache.evicted == std::vector<std::string>{"b0"});
}

TEST_CASE("uses that follow each other closely are one use and one write") {
  Cache cache;
  cache.options.use_interval = 600;
  auto eviction = cache.eviction();
  eviction.insert("a", 1, 5000);
  const auto writes = cache.store.writes;
  CHECK_FALSE(eviction.use("a", 5000));
  CHECK_FALSE(eviction.use("a", 5599));
  CHECK(eviction.use("a", 5600));
  CHECK_FALSE(eviction.use("a", 6199));
  CHECK(eviction.use("a", 100));  // the clock was set back
  CHECK(eviction.use("a", 700));
  CHECK_FALSE(eviction.use("a", 9000));  // three are as many as count
  CHECK(cache.store.writes == writes + 3);
  CHECK_FALSE(eviction.use("unknown", 9000));
}

TEST_CASE("what is stored twice counts once, with its latest size") {
  Cache cache;
  auto eviction = cache.eviction();
  eviction.insert("a", 100, 1);
  eviction.insert("a", 100, 2);
  CHECK(cache.state.held_bytes() == 100);
  CHECK(cache.store.find("a")->uses == 1);
  eviction.insert("a", 70, 3);
  CHECK(cache.state.held() == 1);
  CHECK(cache.state.held_bytes() == 70);
  cache.check_sums();
}

TEST_CASE("what is removed leaves no record and no ghost") {
  Cache cache;
  for (int i = 0; i < 11; ++i) cache.request(name(i), 100);
  auto eviction = cache.eviction();
  for (int i = 0; i < 12; ++i) eviction.remove(name(i));
  CHECK(cache.store.records.empty());
  cache.check_sums();
}

TEST_CASE("a blob goes before its turn only when it is held, unused and need not be kept") {
  Cache cache;
  for (const auto* key : {"unused", "used", "kept"}) cache.request(key, 100);
  cache.request("used", 100);
  cache.pinned.insert("kept");
  auto eviction = cache.eviction();
  CHECK_FALSE(eviction.evict_unused("used", cache.keep()));
  CHECK_FALSE(eviction.evict_unused("kept", cache.keep()));
  CHECK_FALSE(eviction.evict_unused("unknown", cache.keep()));
  const auto victim = eviction.evict_unused("unused", cache.keep());
  REQUIRE(victim);
  CHECK(victim->size == 100);
  CHECK_FALSE(eviction.evict_unused("unused", cache.keep()));
  CHECK(cache.state.held_bytes() == 200);
  cache.check_sums();
}

TEST_CASE("what images share goes after what is one's own, and goes all the same") {
  Cache cache;
  cache.options.small_percent = 0;
  // Two images that came one after the other, and nobody wants any more.
  for (const auto* key : {"base", "own1", "other1", "own2"}) cache.request(key, 100);
  cache.shared = {"base"};
  CHECK(cache.shrink(200) == End::done);
  CHECK(cache.evicted == std::vector<std::string>{"own1", "other1"});
  CHECK(cache.store.find("base")->spared);
  CHECK(cache.shrink(0) == End::done);
  CHECK(cache.evicted == std::vector<std::string>{"own1", "other1", "own2", "base"});
  cache.check_sums();
}

TEST_CASE("who is used after it was spared is spared again") {
  Cache cache;
  cache.options.small_percent = 0;
  cache.shared = {"base"};
  cache.request("base", 100);
  CHECK(cache.shrink(0, 1) == End::out_of_steps);
  CHECK(cache.store.find("base")->spared);
  cache.request("base", 100);
  CHECK(cache.shrink(0, 1) == End::out_of_steps);  // for the use
  CHECK_FALSE(cache.store.find("base")->spared);
  CHECK(cache.shrink(0, 1) == End::out_of_steps);
  CHECK(cache.store.find("base")->spared);
  CHECK(cache.shrink(0, 1) == End::done);
  CHECK_FALSE(cache.holds("base"));
  cache.check_sums();
}

// ---- against a naive one --------------------------------------------------------------------------

namespace {

// The same policy over three lists, searched from end to end.
struct Naive {
  struct Item {
    std::string key;
    std::uint64_t size;
    int uses;
    WallSeconds at;
    bool spared;
  };
  std::deque<Item> small, main, ghost;
  EvictionOptions options;

  static std::uint64_t sum(const std::deque<Item>& items) {
    std::uint64_t bytes = 0;
    for (const auto& item : items) bytes += item.size;
    return bytes;
  }
  static bool drop(std::deque<Item>& items, const std::string& key) {
    return std::erase_if(items, [&](const Item& item) { return item.key == key; }) > 0;
  }
  static Item* find(std::deque<Item>& items, const std::string& key) {
    for (auto& item : items) {
      if (item.key == key) return &item;
    }
    return nullptr;
  }
  void use(const std::string& key, WallSeconds now) {
    auto* item = find(small, key) ? find(small, key) : find(main, key);
    if (!item || item->uses == 3 || now - item->at < options.use_interval) return;
    ++item->uses;
    item->at = now;
  }
  void insert(const std::string& key, std::uint64_t size, WallSeconds now) {
    (drop(ghost, key) ? main : small).push_back({key, size, 0, now, false});
  }
  std::vector<std::string> shrink(std::uint64_t bytes, const std::set<std::string>& pinned, const std::set<std::string>& shared) {
    std::vector<std::string> victims;
    std::size_t kept = 0;
    while (sum(small) + sum(main) > bytes) {
      auto& from = sum(small) > options.capacity / 10 || kept >= main.size() ? small : main;
      if (from.empty()) break;
      auto item = from.front();
      from.pop_front();
      if (item.uses > 0) {
        item.uses = &from == &small ? 0 : item.uses - 1;
        item.spared = false;
        main.push_back(item);
        kept = 0;
      } else if (pinned.contains(item.key)) {
        main.push_back(item);
        if (&from == &main) ++kept;
      } else if (!item.spared && shared.contains(item.key)) {
        item.spared = true;
        main.push_back(item);
        kept = 0;
      } else {
        victims.push_back(item.key);
        if (&from == &main) kept = 0;
        if (&from == &small) ghost.push_back(item);
        for (int i = 0; i < 4 && (sum(ghost) > options.capacity / 4 || ghost.size() > small.size() + main.size()); ++i) {
          if (&from == &small) ghost.pop_front();
        }
      }
    }
    return victims;
  }
};

}  // namespace

TEST_CASE("a hundred thousand random calls end as in a naive implementation") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](unsigned end) { return random() % end; };
    Cache cache;
    cache.options.use_interval = 5;
    Naive naive;
    naive.options = cache.options;
    for (int step = 0; step < testing::rounds(20'000); ++step) {
      cache.now += below(3);
      const auto key = name(static_cast<int>(below(1 + below(300))));  // the lower, the more often
      const std::uint64_t size = 1 + key.size() * key.size() * 7 % 90;
      switch (below(20)) {
        case 0: below(3) == 0 ? (void)cache.pinned.insert(key) : (void)cache.pinned.erase(key); break;
        case 1: below(2) == 0 ? (void)cache.shared.insert(key) : (void)cache.shared.erase(key); break;
        case 2:
          cache.eviction().remove(key);
          for (auto* items : {&naive.small, &naive.main, &naive.ghost}) Naive::drop(*items, key);
          break;
        default:
          cache.evicted.clear();
          if (cache.holds(key)) {
            cache.eviction().use(key, cache.now);
            naive.use(key, cache.now);
          } else {
            const bool room = cache.fetch(key, size);
            REQUIRE(cache.evicted == naive.shrink(1000 - size, cache.pinned, cache.shared));
            for (const auto& victim : cache.evicted) REQUIRE_FALSE(cache.pinned.contains(victim));
            if (room) naive.insert(key, size, cache.now);
          }
      }
      REQUIRE(cache.state.held_bytes() == Naive::sum(naive.small) + Naive::sum(naive.main));
      REQUIRE(cache.state[Queue::ghost].bytes == Naive::sum(naive.ghost));
    }
    cache.check_sums();
    for (const auto& [queue, items] : {std::pair{Queue::small, &naive.small}, {Queue::main, &naive.main}}) {
      std::vector<std::string> ours, theirs;
      for (const auto& [sequence, key] : cache.store.queues[static_cast<std::size_t>(queue)]) ours.push_back(key);
      for (const auto& item : *items) theirs.push_back(item.key);
      CHECK(ours == theirs);
    }
  }
}
