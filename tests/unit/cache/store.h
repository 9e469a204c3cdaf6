// A blob store in a directory of its own, over a disk that can lie, with a loop to run its Tasks on.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "cache/blob_store.h"
#include "cache/fill.h"
#include "tests/unit/base/loop_thread.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/cache/lying_disk.h"
#include "tests/unit/oci/values.h"

namespace weir::testing {

constexpr std::uint64_t kMiB = 1 << 20;

struct Store {
  Scratch scratch;
  ManualClock clock{1'000'000'000};
  LyingDisk disk{scratch.path()};
  LoopThread thread;  // outlives the pool, whose threads post to it
  DiskPool pool{2};
  CacheOptions options;
  std::unique_ptr<BlobStore> blobs;

  // An index that does not sync is faster; what the disk is asked to sync is the double's to see.
  explicit Store(bool resume_partial = true) {
    options.directory = scratch.path();
    options.resume_partial = resume_partial;
    reopen();
  }
  void reopen() {
    blobs.reset();
    auto opened = BlobStore::open(clock, disk, pool, options);
    if (!opened) {
      std::fprintf(stderr, "cannot open the store: %s\n", opened.error().what.c_str());
      std::abort();
    }
    blobs = *std::move(opened);
    disk.taken();
  }

  Index& index() { return blobs->index(); }

  Status put(const Digest& digest, std::string bytes, Index::Mutation mutation = nullptr) {
    return thread.run([&]() -> Task<Status> { co_return co_await blobs->put(thread.loop(), digest, bytes, mutation); });
  }
  Digest put(std::string bytes, Index::Mutation mutation = nullptr) {
    const auto digest = sha256_of(bytes);
    if (!put(digest, std::move(bytes), std::move(mutation))) std::abort();
    return digest;
  }
  Status commit(Index::Mutation mutation) {
    return thread.run([&]() -> Task<Status> { co_return co_await index().commit(thread.loop(), mutation); });
  }
  // What the store would answer with, or nothing.
  std::optional<std::string> read(const Digest& digest) {
    const auto record = index().blob(digest);
    if (!record) return std::nullopt;
    const auto blob = blobs->open_blob(digest, *record);
    if (!blob) return std::nullopt;
    std::string bytes(blob->size, '?');
    const auto count = disk.read_at(blob->file->get(), std::as_writable_bytes(std::span(bytes)), 0);
    return count && *count == bytes.size() ? std::optional(bytes) : std::nullopt;
  }

  // Of a fill through the repository that most tests fill through.
  std::string partial_of(const Digest& digest) const {
    return Layout("").partial(Layout::partial_name(digest, "docker.io/library/alpine")).substr(1);
  }
  std::string file_of(const Digest& digest) const { return Layout("").blob(digest).substr(1); }
};

inline bool linked(Index& index, const Name& name, const Digest& digest) { return index.link(name, digest).has_value(); }

inline Index::Mutation links(Name name, Digest digest, Link::Kind kind = Link::Kind::blob) {
  return [=](IndexWriter& writer) { return writer.link(name, digest, {.kind = kind, .size = std::nullopt, .media_type = {}}); };
}

}  // namespace weir::testing
