#include "cache/index.h"

#include <pthread.h>

#include <cstring>

namespace weir {
namespace {

enum : Table { kMeta, kBlobs, kLinks, kLinkedBy, kTags };
const std::vector<std::string> kTableNames{"meta", "blobs", "links", "linked_by", "tags"};

constexpr std::uint64_t kSchema = 1;
constexpr std::size_t kChunk = 1000;              // records a snapshot of a long walk covers
constexpr WallSeconds kTouchInterval = 60;
constexpr auto kTouchFlush = Seconds(10);

// ---- keys and values: fixed little-endian fields, then text -------------------------------------

std::string digest_key(const Digest& digest) {
  return static_cast<char>(digest.algorithm() == HashAlgorithm::sha256 ? 1 : 2) + digest.raw();
}

std::optional<Digest> digest_from_key(std::string_view key) {
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

void put_number(std::string& out, std::uint64_t number) {
  char bytes[8];
  std::memcpy(bytes, &number, 8);  // little-endian machines only, as Debian's amd64 and arm64 are
  out.append(bytes, 8);
}

std::uint64_t number_at(std::string_view value, std::size_t offset) {
  std::uint64_t number = 0;
  if (value.size() >= offset + 8) std::memcpy(&number, value.data() + offset, 8);
  return number;
}

std::string encode(const BlobRecord& record) {
  std::string value;
  put_number(value, record.size);
  put_number(value, static_cast<std::uint64_t>(record.stored_at));
  put_number(value, static_cast<std::uint64_t>(record.last_used));
  return value;
}

BlobRecord decode_blob(std::string_view value) {
  return {number_at(value, 0), static_cast<WallSeconds>(number_at(value, 8)), static_cast<WallSeconds>(number_at(value, 16))};
}

constexpr std::uint64_t kNoSize = UINT64_MAX;

std::string encode(const Link& link) {
  std::string value(1, static_cast<char>(link.kind));
  put_number(value, link.size.value_or(kNoSize));
  value += link.media_type;
  return value;
}

Link decode_link(std::string_view value) {
  Link link;
  if (value.size() < 9) return link;
  link.kind = value[0] == 1 ? Link::Kind::manifest : Link::Kind::blob;
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
  auto digest = digest_from_key(value.substr(8));
  if (!digest) return std::nullopt;
  return TagRecord{*std::move(digest), static_cast<WallSeconds>(number_at(value, 0))};
}

std::optional<BlobRecord> find_blob(const LmdbTransaction& transaction, std::string_view key) {
  const auto value = transaction.get(kBlobs, key);
  if (!value) return std::nullopt;
  return decode_blob(*value);
}

std::optional<Link> find_link(const LmdbTransaction& transaction, const Name& repository, std::string_view digest) {
  const auto value = transaction.get(kLinks, pair_key(repository.text(), digest));
  if (!value) return std::nullopt;
  return decode_link(*value);
}

std::uint64_t blob_bytes(const LmdbTransaction& transaction) {
  return number_at(transaction.get(kMeta, "blob-bytes").value_or(""), 0);
}

// Every key with `prefix`, in order, a fresh snapshot each kChunk records; the callback may take its time.
void walk(const LmdbEnvironment& environment, Table table, std::string_view prefix,
          const std::function<void(std::string_view, std::string_view)>& visit) {
  std::string from(prefix);
  for (;;) {
    std::vector<std::pair<std::string, std::string>> chunk;
    {
      const ReadTransaction transaction(environment);
      transaction.scan(table, prefix, from, [&chunk](std::string_view key, std::string_view value) {
        chunk.emplace_back(key, value);
        return chunk.size() < kChunk;
      });
    }
    for (const auto& [key, value] : chunk) visit(key, value);
    if (chunk.size() < kChunk) return;
    from = chunk.back().first + '\0';
  }
}

}  // namespace

// ---- IndexWriter --------------------------------------------------------------------------------

std::optional<BlobRecord> IndexWriter::blob(const Digest& digest) const { return find_blob(transaction_, digest_key(digest)); }

Status IndexWriter::put_blob(const Digest& digest, const BlobRecord& record) {
  const auto key = digest_key(digest);
  std::uint64_t total = blob_bytes(transaction_) + record.size;
  if (const auto old = find_blob(transaction_, key)) total -= old->size;
  std::string total_value;
  put_number(total_value, total);
  if (auto status = transaction_.put(kMeta, "blob-bytes", total_value); !status) return status;
  return transaction_.put(kBlobs, key, encode(record));
}

Status IndexWriter::remove_blob(const Digest& digest) {
  const auto key = digest_key(digest);
  const auto old = find_blob(transaction_, key);
  if (!old) return ok_status();
  std::string total_value;
  put_number(total_value, blob_bytes(transaction_) - old->size);
  if (auto status = transaction_.put(kMeta, "blob-bytes", total_value); !status) return status;
  return transaction_.remove(kBlobs, key);
}

Status IndexWriter::link(const Name& repository, const Digest& digest, Link link) {
  const auto key = digest_key(digest);
  if (const auto old = find_link(transaction_, repository, key)) {
    if (!link.size) link.size = old->size;
    if (link.media_type.empty()) link.media_type = old->media_type;
    if (old->kind == Link::Kind::manifest) link.kind = Link::Kind::manifest;
    if (old->size == link.size && old->media_type == link.media_type && old->kind == link.kind) return ok_status();
  }
  if (auto status = transaction_.put(kLinks, pair_key(repository.text(), key), encode(link)); !status) return status;
  return transaction_.put(kLinkedBy, key + repository.text(), "");
}

Status IndexWriter::unlink(std::string_view repository, const Digest& digest) {
  const auto key = digest_key(digest);
  if (auto status = transaction_.remove(kLinks, pair_key(repository, key)); !status) return status;
  return transaction_.remove(kLinkedBy, key + std::string(repository));
}

Status IndexWriter::put_tag(const Name& repository, const Tag& tag, const TagRecord& record) {
  return transaction_.put(kTags, pair_key(repository.text(), tag.text()), encode(record));
}

Status IndexWriter::remove_tag(std::string_view repository, std::string_view tag) {
  return transaction_.remove(kTags, pair_key(repository, tag));
}

// ---- Index: opening and reading -----------------------------------------------------------------

Result<std::unique_ptr<Index>> Index::open(const Clock& clock, const Options& options) {
  auto environment = LmdbEnvironment::open(
      {.directory = options.directory, .tables = kTableNames, .read_only = options.read_only, .durable = options.durable});
  if (!environment) return std::move(environment).error();
  std::uint64_t schema = 0;
  {
    const ReadTransaction transaction(**environment);
    if (const auto value = transaction.get(kMeta, "schema")) schema = number_at(*value, 0);
  }
  if (schema > kSchema) {
    return Error{Failure::unsupported, Side::local, false,
                 "the store in " + options.directory + " was made by a newer weir (schema " + std::to_string(schema) +
                     ", this one knows " + std::to_string(kSchema) + ")"};
  }
  if (schema == 0 && !options.read_only) {
    WriteTransaction transaction(**environment);
    std::string value;
    put_number(value, kSchema);
    if (auto status = transaction.put(kMeta, "schema", value); !status) return std::move(status).error();
    if (auto status = transaction.commit(); !status) return std::move(status).error();
  }
  auto index = std::unique_ptr<Index>(new Index(clock, *std::move(environment)));
  if (!options.read_only) {
    index->writer_ = std::thread([self = index.get()] { self->serve(); });
    ::pthread_setname_np(index->writer_.native_handle(), "weir-index");
  }
  return index;
}

Index::Index(const Clock& clock, std::unique_ptr<LmdbEnvironment> environment)
    : clock_(clock), environment_(std::move(environment)) {}

Index::~Index() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (writer_.joinable()) writer_.join();
}

std::optional<BlobRecord> Index::blob(const Digest& digest) const {
  return find_blob(ReadTransaction(*environment_), digest_key(digest));
}

std::optional<Link> Index::link(const Name& repository, const Digest& digest) const {
  return find_link(ReadTransaction(*environment_), repository, digest_key(digest));
}

std::optional<TagRecord> Index::tag(const Name& repository, const Tag& tag) const {
  const ReadTransaction transaction(*environment_);
  const auto value = transaction.get(kTags, pair_key(repository.text(), tag.text()));
  if (!value) return std::nullopt;
  return decode_tag(*value);
}

Index::Holding Index::holding(const Name& repository, const Digest& digest) const {
  const ReadTransaction transaction(*environment_);
  const auto key = digest_key(digest);
  return {find_link(transaction, repository, key), find_blob(transaction, key)};
}

Index::Totals Index::totals() const {
  const ReadTransaction transaction(*environment_);
  return {transaction.count(kBlobs), blob_bytes(transaction), transaction.count(kLinks), transaction.count(kTags)};
}

void Index::each_tag(std::string_view prefix,
                     const std::function<void(std::string_view, std::string_view, const TagRecord&)>& visit) const {
  walk(*environment_, kTags, prefix, [&visit](std::string_view key, std::string_view value) {
    const auto [repository, tag] = split_pair(key);
    if (const auto record = decode_tag(value)) visit(repository, tag, *record);
  });
}

void Index::each_link(std::string_view prefix,
                      const std::function<void(std::string_view, const Digest&, const Link&)>& visit) const {
  walk(*environment_, kLinks, prefix, [&visit](std::string_view key, std::string_view value) {
    const auto [repository, digest_text] = split_pair(key);
    if (const auto digest = digest_from_key(digest_text)) visit(repository, *digest, decode_link(value));
  });
}

void Index::each_blob(const std::function<void(const Digest&, const BlobRecord&)>& visit) const {
  walk(*environment_, kBlobs, "", [&visit](std::string_view key, std::string_view value) {
    if (const auto digest = digest_from_key(key)) visit(*digest, decode_blob(value));
  });
}

std::vector<std::string> Index::repositories_of(const Digest& digest) const {
  std::vector<std::string> repositories;
  const auto key = digest_key(digest);
  walk(*environment_, kLinkedBy, key,
       [&](std::string_view found, std::string_view) { repositories.emplace_back(found.substr(key.size())); });
  return repositories;
}

// ---- Index: writing -----------------------------------------------------------------------------

void Index::submit(Mutation mutation, std::function<void(Status)> done) {
  CHECK(writer_.joinable());
  {
    std::lock_guard lock(mutex_);
    pending_.push_back({std::move(mutation), std::move(done)});
  }
  changed_.notify_one();
}

Task<Status> Index::commit(Loop& loop, Mutation mutation) {
  auto shot = std::make_shared<OneShot<Status>>(loop);
  submit(std::move(mutation), [shot](Status status) { shot->set(std::move(status)); });
  auto status = co_await shot->wait();
  co_return std::move(*status);
}

void Index::touch(const Digest& digest) {
  std::lock_guard lock(mutex_);
  touched_[digest_key(digest)] = clock_.wall_seconds();
}

void Index::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool work = changed_.wait_for(lock, kTouchFlush, [this] { return stopping_ || !pending_.empty(); });
    if (!work && touched_.empty()) continue;
    const bool last = stopping_;
    std::vector<Pending> group;
    group.swap(pending_);
    std::unordered_map<std::string, WallSeconds> touched;
    touched.swap(touched_);
    lock.unlock();
    const auto status = write_group(group, touched);
    if (status || group.size() <= 1) {
      for (auto& pending : group) pending.done(status);
    } else {
      // One of them spoiled it for all: each on its own, so that only that one fails.
      for (auto& pending : group) pending.done(write_group(std::span(&pending, 1), {}));
    }
    group.clear();
    lock.lock();
    if (last && pending_.empty()) return;
  }
}

Status Index::write_group(std::span<Pending> group, const std::unordered_map<std::string, WallSeconds>& touched) {
  WriteTransaction transaction(*environment_);
  IndexWriter writer(transaction, clock_.wall_seconds());
  for (auto& pending : group) {
    if (auto status = pending.mutation(writer); !status) return status;
  }
  for (const auto& [key, when] : touched) {
    auto record = find_blob(transaction, key);
    if (!record || when - record->last_used < kTouchInterval) continue;
    record->last_used = when;
    if (auto status = transaction.put(kBlobs, key, encode(*record)); !status) return status;
  }
  return transaction.commit();
}

}  // namespace weir
