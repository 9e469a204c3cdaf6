#include "tests/bench/eviction/weir_policy.h"

#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "cache/eviction.h"

namespace bench {
namespace {

std::string_view key_of(const Blob& blob) { return {reinterpret_cast<const char*>(&blob), sizeof blob}; }
Blob blob_of(std::string_view key) {
  Blob blob = 0;
  std::memcpy(&blob, key.data(), sizeof blob);
  return blob;
}

class MemoryStore final : public weir::EvictionStore {
 public:
  explicit MemoryStore(std::size_t blobs) : records_(blobs) {}

  std::optional<weir::EvictionRecord> find(std::string_view key) override { return records_[blob_of(key)]; }
  void put(std::string_view key, const weir::EvictionRecord& record) override {
    ++writes_;
    records_[blob_of(key)] = record;
  }
  void erase(std::string_view key) override {
    ++writes_;
    records_[blob_of(key)].reset();
  }
  // An entry that was taken stays until it is at the head: no record is at its place.
  std::optional<Entry> head(weir::EvictionQueue queue) override {
    auto& entries = queues_[static_cast<std::size_t>(queue)];
    for (; !entries.empty(); entries.pop_front()) {
      const auto& [sequence, blob] = entries.front();
      if (const auto& record = records_[blob]; record && record->sequence == sequence) {
        return Entry{sequence, std::string(key_of(blob))};
      }
    }
    return std::nullopt;
  }
  void append(weir::EvictionQueue queue, std::uint64_t sequence, std::string_view key) override {
    ++writes_;
    queues_[static_cast<std::size_t>(queue)].emplace_back(sequence, blob_of(key));
  }
  void take(weir::EvictionQueue, std::uint64_t) override { ++writes_; }

  std::uint64_t writes() const { return writes_; }

 private:
  std::vector<std::optional<weir::EvictionRecord>> records_;
  std::deque<std::pair<std::uint64_t, Blob>> queues_[3];
  std::uint64_t writes_ = 0;
};

class WeirPolicy final : public Policy {
 public:
  WeirPolicy(const Trace& trace, std::uint64_t capacity, const WeirOptions& options)
      : Policy(trace, capacity), units_(options), options_{.capacity = capacity,
                                                           .small_percent = options.small_percent,
                                                           .ghost_percent = options.ghost_percent,
                                                           .use_interval = options.use_interval},
        store_(trace.sizes.size()), held_(trace.sizes.size()), parents_(trace.sizes.size()),
        image_of_(trace.sizes.size(), kNoImage), asked_with_(trace.sizes.size()) {
    for (Image image = 0; image < trace.images.size(); ++image) image_of_[trace.images[image].front()] = image;
  }

  bool request(const Request& request) override {
    const Blob blob = request.blob;
    asked_with_[blob] = request.image;
    if (held_[blob]) {
      eviction_.use(key_of(blob), request.second);
      return true;
    }
    const auto size = size_of(blob);
    if (size > capacity_) return false;
    const weir::Eviction::Questions ask{.keep = [](std::string_view) { return false; },
                                        .shared =
                                            [this](std::string_view key) { return units_.spare_shared && shared(blob_of(key)); }};
    for (const auto& victim : eviction_.shrink(capacity_ - size, ask).victims) gone(blob_of(victim.key));
    eviction_.insert(key_of(blob), size, request.second);
    hold(blob, true);
    return false;
  }

  std::uint64_t writes() const override { return store_.writes(); }

 private:
  static constexpr Image kNoImage = UINT32_MAX;

  // A manifest that is held makes its blobs those of one image more.
  void hold(Blob blob, bool held) {
    held_[blob] = held;
    if (image_of_[blob] == kNoImage) return;
    for (const Blob child : trace_.images[image_of_[blob]]) parents_[child] += held ? 1 : -1;
  }
  bool shared(Blob blob) const { return parents_[blob] > 1; }

  void gone(Blob blob) {
    if (!held_[blob]) return;  // it went as a sibling, before its turn
    const bool alone = !shared(blob);
    hold(blob, false);
    if (units_.siblings == WeirOptions::Siblings::stay || !alone) return;
    for (const Blob sibling : trace_.images[asked_with_[blob]]) {
      if (!held_[sibling] || shared(sibling)) continue;
      if (units_.siblings == WeirOptions::Siblings::all_go) {
        eviction_.remove(key_of(sibling));
      } else if (!eviction_.evict_unused(key_of(sibling), [](std::string_view) { return false; })) {
        continue;
      }
      hold(sibling, false);
    }
  }

  const WeirOptions units_;
  const weir::EvictionOptions options_;
  MemoryStore store_;
  weir::EvictionState state_;
  weir::Eviction eviction_{options_, store_, state_};
  std::vector<char> held_;          // by blob
  std::vector<int> parents_;        // by blob: how many manifests that are held refer to it
  std::vector<Image> image_of_;     // by manifest
  std::vector<Image> asked_with_;   // by blob: the image of its latest pull
};

}  // namespace

Contender weir_policy(std::string name, const WeirOptions& options) {
  return {std::move(name), [options](const Trace& trace, std::uint64_t capacity) -> std::unique_ptr<Policy> {
            return std::make_unique<WeirPolicy>(trace, capacity, options);
          }};
}

}  // namespace bench
