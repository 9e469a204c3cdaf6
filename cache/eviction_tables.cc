#include "cache/eviction_tables.h"

namespace weir {
namespace {

Table table_of(EvictionQueue queue) {
  return queue == EvictionQueue::small ? kSmall : queue == EvictionQueue::main ? kMain : kGhostQueue;
}

}  // namespace

void EvictionTables::note(Status status) {
  if (status_ && !status) status_ = std::move(status);
}

std::optional<EvictionRecord> EvictionTables::find(std::string_view key) {
  if (!status_) return std::nullopt;
  if (const auto row = records::find_row(transaction_, key); row && row->place)
    return EvictionRecord{.queue = row->place->queue,
                          .uses = row->place->uses,
                          .spared = row->place->spared,
                          .sequence = row->place->sequence,
                          .size = room_of(row->blob.size),
                          .used_at = row->blob.last_used};
  if (const auto value = transaction_.get(kGhosts, key))
    return EvictionRecord{.queue = EvictionQueue::ghost,
                          .sequence = records::number_at(*value, 0),
                          .size = records::number_at(*value, 8)};
  return std::nullopt;
}

void EvictionTables::put(std::string_view key, const EvictionRecord& record) {
  if (!status_) return;
  if (record.queue == EvictionQueue::ghost) {
    std::string value;
    records::put_number(value, record.sequence);
    records::put_number(value, record.size);
    note(transaction_.put(kGhosts, key, value));
    drop_row(key);
    return;
  }
  auto row = records::find_row(transaction_, key);
  MUST(row);
  row->place = {record.queue, record.uses, record.spared, record.sequence};
  row->blob.last_used = record.used_at;
  note(transaction_.put(kBlobs, key, records::encode(*row)));
  if (status_) note(transaction_.remove(kGhosts, key));
}

void EvictionTables::erase(std::string_view key) {
  drop_row(key);
  if (status_) note(transaction_.remove(kGhosts, key));
}

// A row without a place is one that is being entered.
void EvictionTables::drop_row(std::string_view key) {
  if (!status_) return;
  const auto row = records::find_row(transaction_, key);
  if (!row || !row->place) return;
  dropped_bytes_ += row->blob.size;
  if (row->blob.last_copy) dropped_last_copies_ += row->blob.size;
  note(transaction_.remove(kBlobs, key));
}

std::optional<EvictionStore::Entry> EvictionTables::head(EvictionQueue queue) {
  std::optional<Entry> first;
  if (!status_) return first;
  transaction_.scan(table_of(queue), "", "", [&first](std::string_view key, std::string_view value) {
    if (const auto sequence = records::sequence_of(key)) first = Entry{*sequence, std::string(value)};
    return false;
  });
  return first;
}

void EvictionTables::append(EvictionQueue queue, std::uint64_t sequence, std::string_view key) {
  if (status_) note(transaction_.put(table_of(queue), records::sequence_key(sequence), key));
}

void EvictionTables::take(EvictionQueue queue, std::uint64_t sequence) {
  if (status_) note(transaction_.remove(table_of(queue), records::sequence_key(sequence)));
}

}  // namespace weir
