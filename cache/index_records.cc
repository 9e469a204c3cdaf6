#include "cache/index_records.h"

#include <bit>
#include <cstring>

#include "base/text.h"

namespace weir::records {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are stored as this machine has them");

// A place in one number: the queue, whether it was spared, and the uses in the lowest four bits, then the sequence. All ones: no
// place. Before schema 4 none was spared.
constexpr std::uint64_t kNoPlace = UINT64_MAX;
constexpr std::uint64_t kNoSize = UINT64_MAX;
constexpr std::size_t kPlaceOffset = 32;
constexpr unsigned kProven = 2;  // in the first byte of a link, beside its kind

std::uint64_t pack(const std::optional<BlobRow::Place>& place) {
  if (!place) return kNoPlace;
  return place->sequence << 4 | std::uint64_t{place->uses} << 2 | std::uint64_t{place->spared} << 1 |
         static_cast<std::uint64_t>(place->queue);
}

std::optional<BlobRow::Place> unpack(std::uint64_t packed) {
  if (packed == kNoPlace) return std::nullopt;
  return BlobRow::Place{.queue = static_cast<EvictionQueue>(packed & 1),
                        .uses = static_cast<std::uint8_t>(packed >> 2 & 3),
                        .spared = (packed & 2) != 0,
                        .sequence = packed >> 4};
}

WallSeconds time_at(std::string_view value, std::size_t offset) { return static_cast<WallSeconds>(number_at(value, offset)); }

}  // namespace

std::string digest_key(const Digest& digest) {
  return static_cast<char>(digest.algorithm() == HashAlgorithm::sha256 ? 1 : 2) + digest.raw();
}

std::optional<Digest> digest_of(std::string_view key) {
  if (key.empty()) return std::nullopt;
  const auto algorithm = key[0] == 1 ? HashAlgorithm::sha256 : HashAlgorithm::sha512;
  if ((key[0] != 1 && key[0] != 2) || key.size() != 1 + hash_size(algorithm)) return std::nullopt;
  return Digest::from_raw(algorithm, key.substr(1));
}

std::string pair_key(std::string_view first, std::string_view second) {
  std::string key;
  key.reserve(first.size() + 1 + second.size());
  key.append(first).append(1, '\0').append(second);
  return key;
}

std::pair<std::string_view, std::string_view> split_pair(std::string_view key) {
  const auto end = key.find('\0');
  if (end == std::string_view::npos) return {key, {}};
  return {key.substr(0, end), key.substr(end + 1)};
}

std::string sequence_key(std::uint64_t sequence) {
  std::string key(8, '\0');
  for (std::size_t i = 8; i-- > 0; sequence >>= 8) key[i] = static_cast<char>(sequence & 0xff);
  return key;
}

std::optional<std::uint64_t> sequence_of(std::string_view key) {
  if (key.size() != 8) return std::nullopt;
  std::uint64_t sequence = 0;
  for (const char byte : key) sequence = sequence << 8 | static_cast<unsigned char>(byte);
  return sequence;
}

void put_number(std::string& out, std::uint64_t number) {
  char bytes[8];
  std::memcpy(bytes, &number, 8);
  out.append(bytes, 8);
}

std::uint64_t number_at(std::string_view value, std::size_t offset) {
  std::uint64_t number = 0;
  if (value.size() >= offset + 8) std::memcpy(&number, value.data() + offset, 8);
  return number;
}

std::string encode(const BlobRow& row) {
  std::string value;
  value.reserve(kPlaceOffset + 24);
  put_number(value, row.blob.size);
  put_number(value, static_cast<std::uint64_t>(row.blob.stored_at));
  put_number(value, static_cast<std::uint64_t>(row.blob.last_used));
  put_number(value, static_cast<std::uint64_t>(row.blob.verified_at));
  put_number(value, pack(row.place));
  put_number(value, row.blob.generation);
  if (row.blob.last_copy) value += '\1';
  return value;
}

BlobRow decode_blob(std::string_view value) {
  BlobRow row;
  row.blob = {.size = number_at(value, 0),
              .stored_at = time_at(value, 8),
              .last_used = time_at(value, 16),
              .verified_at = time_at(value, 24),
              .generation = number_at(value, kPlaceOffset + 8),
              .last_copy = value.size() > kPlaceOffset + 16};
  if (value.size() >= kPlaceOffset + 8) row.place = unpack(number_at(value, kPlaceOffset));
  return row;
}

std::string encode(const Link& link) {
  std::string value(1, static_cast<char>(static_cast<unsigned>(link.kind) | (link.proven ? kProven : 0)));
  put_number(value, link.size.value_or(kNoSize));
  value += link.media_type;
  return value;
}

Link decode_link(std::string_view value) {
  Link link;
  if (value.size() < 9) return link;
  const auto flags = static_cast<unsigned char>(value[0]);
  link.kind = (flags & ~kProven) == 1 ? Link::Kind::manifest : Link::Kind::blob;
  link.proven = (flags & kProven) != 0;
  if (const auto size = number_at(value, 1); size != kNoSize) link.size = size;
  link.media_type = value.substr(9);
  return link;
}

std::string encode(const TagRecord& record) {
  std::string value;
  put_number(value, static_cast<std::uint64_t>(record.checked_at));
  return value + digest_key(record.digest);
}

std::optional<TagRecord> decode_tag(std::string_view value) {
  if (value.size() < 8) return std::nullopt;
  auto digest = digest_of(value.substr(8));
  if (!digest) return std::nullopt;
  return TagRecord{*std::move(digest), time_at(value, 0)};
}

// Lines: the media type, the config's key in hexadecimal or nothing, then a platform each.
std::string encode(const ManifestRecord& record) {
  std::string value;
  put_number(value, record.layer_bytes);
  value += record.media_type + '\n' + (record.config ? to_hex(digest_key(*record.config)) : "");
  for (const auto& platform : record.platforms) value += '\n' + platform;
  return value;
}

std::optional<ManifestRecord> decode_manifest(std::string_view value) {
  if (value.size() < 8) return std::nullopt;
  ManifestRecord record;
  record.layer_bytes = number_at(value, 0);
  const auto lines = split(value.substr(8), '\n');
  if (lines.size() < 2) return std::nullopt;
  record.media_type = lines[0];
  if (const auto key = from_hex(lines[1])) record.config = digest_of(*key);
  for (std::size_t i = 2; i < lines.size(); ++i) record.platforms.emplace_back(lines[i]);
  return record;
}

std::string encode(const SeenRecord& record) {
  std::string value;
  put_number(value, static_cast<std::uint64_t>(record.first));
  put_number(value, static_cast<std::uint64_t>(record.released));
  return value;
}

SeenRecord decode_seen(std::string_view value) { return {time_at(value, 0), time_at(value, 8)}; }

std::string encode(const EvictionState& state) {
  std::string value;
  for (const auto& queue : state.queues) {
    put_number(value, queue.count);
    put_number(value, queue.bytes);
  }
  put_number(value, state.next_sequence);
  return value;
}

EvictionState decode_state(std::string_view value) {
  EvictionState state;
  for (std::size_t i = 0; i < state.queues.size(); ++i)
    state.queues[i] = {number_at(value, 16 * i), number_at(value, 16 * i + 8)};
  state.next_sequence = number_at(value, 48);
  return state;
}

std::string number_text(std::uint64_t number) {
  std::string value;
  put_number(value, number);
  return value;
}

std::optional<BlobRow> find_row(const LmdbTransaction& transaction, std::string_view key) {
  const auto value = transaction.get(kBlobs, key);
  if (!value) return std::nullopt;
  return decode_blob(*value);
}

std::optional<BlobRecord> find_blob(const LmdbTransaction& transaction, std::string_view key) {
  const auto row = find_row(transaction, key);
  if (!row) return std::nullopt;
  return row->blob;
}

std::optional<Link> find_link(const LmdbTransaction& transaction, std::string_view repository, std::string_view digest) {
  const auto value = transaction.get(kLinks, pair_key(repository, digest));
  if (!value) return std::nullopt;
  return decode_link(*value);
}

std::uint64_t sum_of(const LmdbTransaction& transaction, std::string_view name) {
  return number_at(transaction.get(kMeta, name).value_or(""), 0);
}

EvictionState eviction_state(const LmdbTransaction& transaction) {
  return decode_state(transaction.get(kMeta, "eviction").value_or(""));
}

}  // namespace weir::records
