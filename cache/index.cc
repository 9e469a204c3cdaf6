#include "cache/index.h"

#include <pthread.h>

#include <future>

namespace weir {
namespace {

constexpr std::uint64_t kSchema = 5;
constexpr std::size_t kChunk = 1000;              // records a snapshot of a long walk covers
constexpr std::size_t kMigrated = 10'000;         // rows brought up to date in one transaction
constexpr auto kNoteFlush = Seconds(10);
constexpr std::size_t kMostLinksOfDigest = 4096;  // that a search for proven ones looks at

using records::decode_blob;
using records::decode_link;
using records::decode_tag;
using records::digest_key;
using records::digest_of;
using records::find_blob;
using records::find_link;
using records::number_at;
using records::number_text;
using records::pair_key;
using records::split_pair;
using records::sum_of;

const std::vector<std::string> kTableNames{"meta",  "blobs",       "links",  "linked_by",   "tags",
                                           "small", "main",        "ghosts", "ghost_queue", "unsettled",
                                           "pins",  "referred_by", "tagged", "manifests",   "first_seen"};

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

// ---- Index: opening and reading -----------------------------------------------------------------

Result<std::unique_ptr<Index>> Index::open(const Clock& clock, const Options& options) {
  auto environment = LmdbEnvironment::open(
      {.directory = options.directory, .tables = kTableNames, .read_only = options.read_only, .durable = options.durable});
  if (!environment) return std::move(environment).error();
  auto index = std::unique_ptr<Index>(new Index(clock, options, *std::move(environment)));
  if (auto status = index->bring_up_to_date(); !status) return std::move(status).error();
  if (!options.read_only) {
    index->writer_ = std::thread([self = index.get()] { self->serve(); });
    ::pthread_setname_np(index->writer_.native_handle(), "weir-index");
  }
  return index;
}

Index::Index(const Clock& clock, const Options& options, std::unique_ptr<LmdbEnvironment> environment)
    : clock_(clock), options_(options), environment_(std::move(environment)) {}

Status Index::bring_up_to_date() {
  const auto schema = number_at(meta("schema"), 0);
  if (schema > kSchema) {
    return Error{Failure::unsupported, Side::local, false,
                 "the store in " + options_.directory + " was made by a newer weir (schema " + std::to_string(schema) +
                     ", this one knows " + std::to_string(kSchema) + ")"};
  }
  if (schema == kSchema || options_.read_only) return ok_status();
  if (schema == 1) {
    if (auto status = migrate_blobs(); !status) return status;
  }
  if (schema == 1 || schema == 2) {
    if (auto status = migrate_tags(); !status) return status;
  }
  if (schema > 0 && schema < 5) {
    if (auto status = migrate_links(); !status) return status;
  }
  if (damaged()) return Error{Failure::corrupt, Side::local, false, "the index in " + options_.directory + " is damaged"};
  fresh_ = schema == 0;
  WriteTransaction transaction(*environment_);
  if (auto status = transaction.put(kMeta, "schema", number_text(kSchema)); !status) return status;
  return transaction.commit();
}

// From schema 1: blobs knew nothing of queues, and were hashed when they were stored. Rows that have a place are done.
Status Index::migrate_blobs() {
  std::string from;
  for (bool more = true; more;) {
    std::vector<std::string> keys;
    {
      const ReadTransaction snapshot(*environment_);
      snapshot.scan(kBlobs, "", from, [&keys](std::string_view key, std::string_view) {
        keys.emplace_back(key);
        return keys.size() < kMigrated;
      });
    }
    more = keys.size() == kMigrated;
    if (!keys.empty()) from = keys.back() + '\0';
    WriteTransaction transaction(*environment_);
    IndexWriter writer(transaction, clock_.wall_seconds(), capacity_.load());
    for (const auto& key : keys) {
      const auto value = transaction.get(kBlobs, key);
      const auto digest = digest_of(key);
      if (!value || !digest) continue;
      auto row = decode_blob(*value);
      if (row.place) continue;
      row.blob.verified_at = row.blob.stored_at;
      if (auto status = writer.put_blob(*digest, row.blob); !status) return status;
    }
    if (auto status = writer.finish(); !status) return status;
    if (auto status = transaction.commit(); !status) return status;
  }
  return ok_status();
}

// From schema 2: tags were not kept by digest. What was done is done again to the same end.
Status Index::migrate_tags() {
  std::vector<std::pair<std::string, TagRecord>> rows;
  const auto write = [&]() -> Status {
    WriteTransaction transaction(*environment_);
    IndexWriter writer(transaction, clock_.wall_seconds(), capacity_.load());
    for (const auto& [key, record] : rows) {
      const auto [repository, tag] = split_pair(key);
      if (auto status = writer.put_tag(repository, tag, record); !status) return status;
    }
    rows.clear();
    return transaction.commit();
  };
  auto status = ok_status();
  walk(*environment_, kTags, "", [&](std::string_view key, std::string_view value) {
    if (!status) return;
    if (const auto record = decode_tag(value)) rows.emplace_back(key, *record);
    if (rows.size() >= kMigrated) status = write();
  });
  return status ? write() : status;
}

// From schema 4: links did not say whether they are proven. Of a blob that is stored and linked in one repository only, the bytes
// came through that one. What was done is done again to the same end.
Status Index::migrate_links() {
  std::vector<std::pair<std::string, std::string>> single;  // repository, digest key
  const auto write = [&]() -> Status {
    WriteTransaction transaction(*environment_);
    IndexWriter writer(transaction, clock_.wall_seconds(), capacity_.load());
    for (const auto& [repository, key] : single) {
      const auto digest = digest_of(key);
      const auto old = find_link(transaction, repository, key);
      if (!digest || !old || !find_blob(transaction, key)) continue;
      auto link = *old;
      link.proven = true;
      if (auto status = writer.link(repository, *digest, std::move(link)); !status) return status;
    }
    single.clear();
    return transaction.commit();
  };
  auto status = ok_status();
  std::string last_key, last_repository;
  std::size_t repositories = 0;
  const auto end_digest = [&] {
    if (repositories == 1) single.emplace_back(last_repository, last_key);
    if (single.size() >= kMigrated) status = write();
  };
  walk(*environment_, kLinkedBy, "", [&](std::string_view row, std::string_view) {
    if (!status || row.empty()) return;
    const auto size = 1 + hash_size(row[0] == 1 ? HashAlgorithm::sha256 : HashAlgorithm::sha512);
    if (row.size() <= size) return;
    if (row.substr(0, size) != last_key) {
      end_digest();
      last_key = row.substr(0, size);
      repositories = 0;
    }
    ++repositories;
    last_repository = row.substr(size);
  });
  end_digest();
  return status ? write() : status;
}

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

std::optional<Link> Index::link(std::string_view repository, const Digest& digest) const {
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
  return {find_link(transaction, repository.text(), key), find_blob(transaction, key)};
}

Index::Totals Index::totals() const {
  const ReadTransaction transaction(*environment_);
  const auto queues = records::eviction_state(transaction);
  return {.blobs = transaction.count(kBlobs),
          .blob_bytes = sum_of(transaction, records::kBlobBytes),
          .links = transaction.count(kLinks),
          .tags = transaction.count(kTags),
          .room = queues.held_bytes(),
          .ghosts = transaction.count(kGhosts),
          .last_copies = sum_of(transaction, records::kLastCopies)};
}

std::string Index::meta(std::string_view name) const {
  return std::string(ReadTransaction(*environment_).get(kMeta, name).value_or(""));
}

std::uint64_t Index::file_bytes() const { return environment_->file_bytes(); }

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
    if (const auto digest = digest_of(digest_text)) visit(repository, *digest, decode_link(value));
  });
}

void Index::each_blob(const std::function<void(const Digest&, const BlobRecord&)>& visit) const {
  walk(*environment_, kBlobs, "", [&visit](std::string_view key, std::string_view value) {
    if (const auto digest = digest_of(key)) visit(*digest, decode_blob(value).blob);
  });
}

void Index::each_pin(const std::function<void(std::string_view, WallSeconds)>& visit) const {
  walk(*environment_, kPins, "",
       [&visit](std::string_view key, std::string_view value) { visit(key, static_cast<WallSeconds>(number_at(value, 0))); });
}

std::optional<std::uint64_t> Index::unsettled(const Digest& digest) const {
  const ReadTransaction transaction(*environment_);
  const auto value = transaction.get(kUnsettled, digest_key(digest));
  if (!value) return std::nullopt;
  return number_at(*value, 0);
}

Result<bool> Index::holds(const Digest& digest) const {
  const ReadTransaction transaction(*environment_);
  if (!transaction.begun()) return Error{Failure::io, Side::local, true, "the index cannot be read"};
  return transaction.get(kBlobs, digest_key(digest)).has_value();
}

std::vector<Digest> Index::unsettled() const {
  std::vector<Digest> digests;
  walk(*environment_, kUnsettled, "", [&digests](std::string_view key, std::string_view) {
    if (auto digest = digest_of(key)) digests.push_back(*std::move(digest));
  });
  return digests;
}

std::vector<Index::Listed> Index::blobs_after(std::string_view key, std::size_t most) const {
  std::vector<Listed> listed;
  const ReadTransaction transaction(*environment_);
  const auto from = key.empty() ? std::string() : std::string(key) + '\0';
  transaction.scan(kBlobs, "", from, [&](std::string_view found, std::string_view value) {
    if (auto digest = digest_of(found)) listed.push_back({*std::move(digest), decode_blob(value).blob});
    return listed.size() < most;
  });
  return listed;
}

std::vector<std::string> Index::repositories_of(const Digest& digest) const {
  std::vector<std::string> repositories;
  const auto key = digest_key(digest);
  walk(*environment_, kLinkedBy, key,
       [&](std::string_view found, std::string_view) { repositories.emplace_back(found.substr(key.size())); });
  return repositories;
}

std::vector<std::string> Index::proven_in(const Digest& digest, std::string_view except, std::size_t most) const {
  std::vector<std::string> repositories;
  const auto key = digest_key(digest);
  std::size_t looked = 0;
  const ReadTransaction transaction(*environment_);
  transaction.scan(kLinkedBy, key, key, [&](std::string_view found, std::string_view proven) {
    const auto repository = found.substr(key.size());
    if (proven == records::kProvenLink && repository != except) repositories.emplace_back(repository);
    return repositories.size() < most && ++looked < kMostLinksOfDigest;
  });
  return repositories;
}

// ---- Index: writing -----------------------------------------------------------------------------

void Index::submit(Mutation mutation, std::function<void(Status)> done) {
  MUST(writer_.joinable());
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

Status Index::commit_and_wait(Mutation mutation) {
  std::promise<Status> done;
  submit(std::move(mutation), [&done](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

void Index::touch(const Digest& digest) {
  std::lock_guard lock(mutex_);
  noted_[digest_key(digest)].used = true;
}

void Index::note_verified(const Digest& digest) {
  std::lock_guard lock(mutex_);
  noted_[digest_key(digest)].verified = true;
}

void Index::set_make_room(std::function<bool()> make_room) {
  std::lock_guard lock(mutex_);
  make_room_ = std::move(make_room);
}

void Index::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool work = changed_.wait_for(lock, kNoteFlush, [this] { return stopping_ || !pending_.empty(); });
    if (!work && noted_.empty()) continue;
    const bool last = stopping_;
    std::vector<Pending> group;
    group.swap(pending_);
    Noted noted;
    noted.swap(noted_);
    lock.unlock();
    const auto status = write_group(group, noted);
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

Status Index::write_group(std::span<Pending> group, const Noted& noted) {
  auto status = try_group(group, noted);
  if (status || status.error().failure != Failure::no_space) return status;
  std::function<bool()> make_room;
  {
    std::lock_guard lock(mutex_);
    make_room = make_room_;
  }
  return make_room && make_room() ? try_group(group, noted) : status;
}

Status Index::try_group(std::span<Pending> group, const Noted& noted) {
  WriteTransaction transaction(*environment_);
  IndexWriter writer(transaction, clock_.wall_seconds(), capacity_.load());
  for (auto& pending : group) {
    if (auto status = pending.mutation(writer); !status) return status;
  }
  for (const auto& [key, notes] : noted) {
    if (notes.used) {
      if (auto status = writer.use_blob(key); !status) return status;
    }
    const auto digest = digest_of(key);
    auto record = notes.verified && digest ? writer.blob(*digest) : std::nullopt;
    if (!record) continue;
    record->verified_at = writer.now();
    if (auto status = writer.update_blob(*digest, *record); !status) return status;
  }
  if (auto status = writer.finish(); !status) return status;
  return transaction.commit();
}

}  // namespace weir
