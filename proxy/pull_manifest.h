#pragma once
// ManifestPull: a manifest for a repository, by tag or digest, from the store or from the upstream (docs/request.md).
//
// A tag is believed for its time-to-live, then confirmed by HEAD; a manifest is fetched by GET once. What comes is kept
// byte for byte, and only when its size, media type and digest are right.
// Thread: any loop, with that loop's parts.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/single_flight.h"
#include "meter/outcome.h"
#include "oci/manifest.h"
#include "proxy/site.h"

namespace weir {

class ManifestPull {
 public:
  explicit ManifestPull(Site& site) : site_(site) {}

  struct Found {
    std::optional<Digest> digest;               // always there in an answer
    std::string media_type;
    std::shared_ptr<const std::string> bytes;   // null where there is a file
    Outcome outcome = Outcome::error;
    std::optional<Seconds> age;                 // of a tag: since the upstream last confirmed it
    std::string warning = {};                   // of a miss: what a budget says to it
    std::shared_ptr<const OpenBlob> file = {};  // where a large one lies that is held: its readers need no memory
    std::uint64_t size() const { return file ? file->size : bytes->size(); }
  };
  // Whether the caller may pull the digest through another repository, where it is proven.
  using Elsewhere = std::function<bool(const Digest&)>;
  // `elsewhere` is asked of a stored manifest that this repository merely refers to.
  Task<Result<Found>> find(LoopParts& parts, const Router::Target& target, Reference reference, const Elsewhere& elsewhere);

  // Before the bytes of a file are used that were not hashed for verify-age: false when they are wrong. They are out of service
  // then, and find() fetches them anew.
  Task<bool> check(LoopParts& parts, const Found& found);
  // Its content, read from its file where it has one; on the pool where that would hold up the loop.
  Task<Result<Manifest>> parse(LoopParts& parts, const Found& found);

  // Asks the upstream now, whatever is known; the tag's digest afterwards.
  Task<Result<Digest>> refresh(LoopParts& parts, const Router::Target& target, Tag tag);

 private:
  Task<Result<Found>> by_digest(LoopParts& parts, const Router::Target& target, Digest digest, const Elsewhere& elsewhere);
  Task<Result<Found>> by_tag(LoopParts& parts, const Router::Target& target, Tag tag);
  Task<Result<Found>> fetch_unless_held(LoopParts& parts, Router::Target target, Digest digest);
  Task<Result<Found>> ask_unless_believed(LoopParts& parts, Router::Target target, Tag tag);
  Task<Result<Found>> ask_for_tag(LoopParts& parts, Router::Target target, Tag tag, std::optional<TagRecord> record);
  Task<Result<Found>> confirmed(LoopParts& parts, const Router::Target& target, const Tag& tag, const Digest& digest);
  Task<Result<Found>> fetch(LoopParts& parts, Router::Target target, Reference reference, std::optional<Tag> also_tag);
  Task<Result<Found>> stale_or(LoopParts& parts, const Router::Target& target, const TagRecord& record, Error error);

  Task<bool> hash_again(LoopParts& parts, Digest digest, std::shared_ptr<const OpenBlob> file);

  // From the store alone; nothing when it is not stored, or this repository has not proven that it may serve it as a manifest.
  std::optional<Found> held(const Name& repository, const Digest& digest);
  // One that this repository's index refers to, and that the caller may pull through another repository.
  std::optional<Found> held_elsewhere(const Name& repository, const Digest& digest, const Elsewhere& elsewhere);
  std::optional<Found> stored(const Digest& digest, const BlobRecord& blob, const std::string& media_type);
  // The same, of a tag that need not be confirmed yet.
  std::optional<Found> believed(const Router::Target& target, const std::optional<TagRecord>& record);
  Milliseconds tag_ttl(const Router::Target& target) const;
  std::string flight_of(const LoopParts& parts, const Router::Target& target, const std::string& what) const;

  Site& site_;
  SingleFlight<std::string, Result<Found>> flights_;
  SingleFlight<Digest, bool> checks_;
};

}  // namespace weir
