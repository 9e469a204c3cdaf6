#include "cache/eviction.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

// Ghosts forgotten for each one that is added: enough to catch up with a capacity that was lowered, and bounded.
constexpr int kTrimmed = 4;

}  // namespace

void Eviction::insert(std::string_view key, std::uint64_t size, WallSeconds now) {
  Queue queue = Queue::small;
  if (const auto old = store_.find(key)) {
    if (old->queue != Queue::ghost && old->size == size) {
      use(key, now);
      return;
    }
    leave(*old);
    if (old->queue != Queue::small) queue = Queue::main;
  }
  enter(queue, key, {.size = size, .used_at = now});
}

bool Eviction::use(std::string_view key, WallSeconds now) {
  auto record = store_.find(key);
  if (!record || record->queue == Queue::ghost || record->uses == EvictionRecord::kMostUses) return false;
  // A clock that was set back must not stop the counting.
  if (now >= record->used_at && now - record->used_at < options_.use_interval) return false;
  ++record->uses;
  record->used_at = now;
  store_.put(key, *record);
  return true;
}

void Eviction::remove(std::string_view key) {
  const auto record = store_.find(key);
  if (!record) return;
  leave(*record);
  store_.erase(key);
}

Eviction::Shrunk Eviction::shrink(std::uint64_t bytes, const Questions& ask, std::uint64_t steps, std::uint64_t& kept) {
  Shrunk shrunk;
  for (; state_.held_bytes() > bytes; --steps) {
    if (steps == 0) {
      shrunk.end = Shrunk::End::out_of_steps;
      break;
    }
    const bool small_first = state_[Queue::small].bytes > percent(options_.small_percent);
    const Queue from = small_first || kept >= state_[Queue::main].count ? Queue::small : Queue::main;
    const auto head = store_.head(from);
    const auto record = head ? store_.find(head->key) : std::nullopt;
    if (!record) {
      shrunk.end = Shrunk::End::nothing_left;
      break;
    }
    auto again = *record;
    if (record->uses > 0) {
      again.uses = from == Queue::small ? 0 : static_cast<std::uint8_t>(record->uses - 1);
      again.spared = false;
      kept = 0;
    } else if (ask.keep(head->key)) {
      if (from == Queue::main) ++kept;
    } else if (!record->spared && ask.shared(head->key)) {
      again.spared = true;
      kept = 0;
    } else {
      shrunk.victims.push_back(evict(head->key, *record));
      if (from == Queue::main) kept = 0;
      continue;
    }
    leave(*record);
    enter(Queue::main, head->key, again);
  }
  return shrunk;
}

std::optional<Eviction::Victim> Eviction::evict_unused(std::string_view key, const Question& keep) {
  const auto record = store_.find(key);
  if (!record || record->queue == Queue::ghost || record->uses > 0 || keep(key)) return std::nullopt;
  return evict(key, *record);
}

// ---- one record -----------------------------------------------------------------------------------

void Eviction::enter(Queue queue, std::string_view key, EvictionRecord record) {
  record.queue = queue;
  record.sequence = state_.next_sequence++;
  ++state_[queue].count;
  state_[queue].bytes += record.size;
  store_.put(key, record);
  store_.append(queue, record.sequence, key);
}

// Its queue only: a record follows, or is erased.
void Eviction::leave(const EvictionRecord& record) {
  --state_[record.queue].count;
  state_[record.queue].bytes -= record.size;
  store_.take(record.queue, record.sequence);
}

Eviction::Victim Eviction::evict(std::string_view key, const EvictionRecord& record) {
  Victim victim{std::string(key), record.size};
  leave(record);
  if (record.queue == Queue::small) {
    enter(Queue::ghost, key, record);
    trim_ghosts();
  } else {
    store_.erase(key);
  }
  return victim;
}

void Eviction::trim_ghosts() {
  const auto& ghosts = state_[Queue::ghost];
  for (int i = 0; i < kTrimmed && (ghosts.bytes > percent(options_.ghost_percent) || ghosts.count > state_.held()); ++i) {
    const auto head = store_.head(Queue::ghost);
    if (!head) return;
    remove(head->key);
  }
}

}  // namespace weir
