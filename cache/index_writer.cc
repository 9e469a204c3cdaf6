#include "cache/index_writer.h"

namespace weir {

using records::digest_key;
using records::digest_of;
using records::find_blob;
using records::find_link;
using records::find_row;
using records::kBlobBytes;
using records::kClaimedLink;
using records::kLastCopies;
using records::kProvenLink;
using records::number_at;
using records::number_text;
using records::pair_key;
using records::sum_of;

IndexWriter::IndexWriter(WriteTransaction& transaction, WallSeconds now, std::uint64_t capacity)
    : transaction_(transaction), now_(now), options_{.capacity = capacity}, state_(records::eviction_state(transaction)),
      tables_(transaction) {}

std::optional<BlobRecord> IndexWriter::blob(const Digest& digest) const { return find_blob(transaction_, digest_key(digest)); }

Status IndexWriter::put_blob(const Digest& digest, BlobRecord record) {
  const auto key = digest_key(digest);
  Eviction eviction(options_, tables_, state_);
  queues_changed_ = true;
  record.generation = state_.next_sequence++;
  bytes_.added += record.size;
  const auto old = find_row(transaction_, key);
  if (record.last_copy) last_copies_.added += record.size;
  // Of another size it takes another amount of room; the queues learn of that by its going and coming.
  if (old && room_of(old->blob.size) != room_of(record.size)) eviction.remove(key);
  const bool stays = old && room_of(old->blob.size) == room_of(record.size);
  if (stays) bytes_.removed += old->blob.size;
  if (stays && old->blob.last_copy) last_copies_.removed += old->blob.size;
  if (auto status = put_row(key, {record, stays ? old->place : std::nullopt}); !status) return status;
  eviction.insert(key, room_of(record.size), record.last_used);
  if (!tables_.status()) return tables_.status();
  return transaction_.remove(kUnsettled, key);
}

Status IndexWriter::remove_blob(const Digest& digest) {
  const auto key = digest_key(digest);
  if (!find_row(transaction_, key)) return ok_status();
  queues_changed_ = true;
  Eviction(options_, tables_, state_).remove(key);
  if (!tables_.status()) return tables_.status();
  return note_unsettled(digest);
}

std::optional<std::uint64_t> IndexWriter::unsettled(const Digest& digest) const {
  const auto value = transaction_.get(kUnsettled, digest_key(digest));
  if (!value) return std::nullopt;
  return number_at(*value, 0);
}

Status IndexWriter::note_unsettled(const Digest& digest) {
  queues_changed_ = true;
  return transaction_.put(kUnsettled, digest_key(digest), number_text(state_.next_sequence++));
}

Status IndexWriter::forget_unsettled(const Digest& digest, std::uint64_t note) {
  return unsettled(digest) == note ? transaction_.remove(kUnsettled, digest_key(digest)) : ok_status();
}

Status IndexWriter::update_blob(const Digest& digest, const BlobRecord& record) {
  const auto key = digest_key(digest);
  auto held = find_row(transaction_, key);
  if (!held) return ok_status();
  MUST(held->blob.size == record.size);
  if (held->blob.last_copy) last_copies_.removed += record.size;
  if (record.last_copy) last_copies_.added += record.size;
  held->blob = record;
  return put_row(key, *held);
}

Status IndexWriter::use_blob(std::string_view key) {
  auto held = find_row(transaction_, key);
  if (!held || Eviction(options_, tables_, state_).use(key, now_)) return tables_.status();
  // Used as often as counts; when it was used last is of interest all the same.
  if (now_ >= held->blob.last_used && now_ - held->blob.last_used < options_.use_interval) return ok_status();
  held->blob.last_used = now_;
  return put_row(key, *held);
}

Result<IndexWriter::Shrunk> IndexWriter::shrink(std::uint64_t room, const Keep& keep, std::uint64_t steps, std::uint64_t& kept) {
  queues_changed_ = true;
  Eviction eviction(options_, tables_, state_);
  const auto must_stay = [&](std::string_view key) {
    const auto digest = digest_of(key);
    const auto held = find_blob(transaction_, key);
    return digest && held && keep(*digest, *held);
  };
  const auto is_shared = [&](std::string_view key) {
    const auto digest = digest_of(key);
    return digest && shared(*digest);
  };
  const auto shrunk = eviction.shrink(room, {must_stay, is_shared}, steps, kept);
  if (!tables_.status()) return tables_.status().error();
  Shrunk result{shrunk.end, {}};
  for (const auto& victim : shrunk.victims) {
    const auto digest = digest_of(victim.key);
    MUST(digest);
    if (auto status = note_unsettled(*digest); !status) return std::move(status).error();
    result.victims.push_back({*digest, victim.size});
  }
  return result;
}

bool IndexWriter::linked_where(const Digest& digest, const std::function<bool(std::string_view)>& wanted) const {
  bool found = false;
  const auto key = digest_key(digest);
  transaction_.scan(kLinkedBy, key, key, [&](std::string_view pair, std::string_view) {
    found = wanted(pair.substr(key.size()));
    return !found;
  });
  return found;
}

Status IndexWriter::put_pin(std::string_view pattern, WallSeconds since) {
  return transaction_.put(kPins, pattern, number_text(static_cast<std::uint64_t>(since)));
}

std::uint64_t IndexWriter::last_copy_bytes() const {
  return sum_of(transaction_, kLastCopies) + last_copies_.added - last_copies_.removed - tables_.dropped_last_copies();
}

Status IndexWriter::put_sum(std::string_view name, const Change& change, std::uint64_t dropped) {
  const auto removed = change.removed + dropped;
  return change.added == removed ? ok_status() : put_meta(name, number_text(sum_of(transaction_, name) + change.added - removed));
}

Status IndexWriter::finish() {
  if (!tables_.status()) return tables_.status();
  if (auto status = put_sum(kBlobBytes, bytes_, tables_.dropped_bytes()); !status) return status;
  if (auto status = put_sum(kLastCopies, last_copies_, tables_.dropped_last_copies()); !status) return status;
  return queues_changed_ ? put_meta("eviction", records::encode(state_)) : ok_status();
}

Status IndexWriter::link(std::string_view repository, const Digest& digest, Link link) {
  const auto key = digest_key(digest);
  if (const auto old = find_link(transaction_, repository, key)) {
    if (!link.size) link.size = old->size;
    if (link.media_type.empty()) link.media_type = old->media_type;
    if (old->kind == Link::Kind::manifest) link.kind = Link::Kind::manifest;
    link.proven = link.proven || old->proven;
    const bool same = old->size == link.size && old->media_type == link.media_type && old->kind == link.kind &&
                      old->proven == link.proven;
    if (same) return ok_status();
  }
  if (auto status = transaction_.put(kLinks, pair_key(repository, key), records::encode(link)); !status) return status;
  return transaction_.put(kLinkedBy, key + std::string(repository), link.proven ? kProvenLink : kClaimedLink);
}

}  // namespace weir
