#pragma once
// ManifestPull: a manifest for a repository, by tag or digest, from the store or from the upstream (docs/request.md).
//
// A tag is believed for its time-to-live, then confirmed by HEAD; a manifest is fetched by GET once. What comes is kept
// byte for byte, and only when its size, media type and digest are right.
// Thread: any loop, with that loop's parts.

#include <memory>
#include <optional>
#include <string>

#include "base/single_flight.h"
#include "meter/outcome.h"
#include "oci/manifest.h"
#include "proxy/site.h"

namespace weir {

// Manifest::parse(), on the pool where it would hold up the loop. What is passed in must outlive the co_await.
Task<Result<Manifest>> parse_manifest(DiskPool& pool, Loop& loop, const std::string& bytes, const std::string& media_type);

class ManifestPull {
 public:
  explicit ManifestPull(Site& site) : site_(site) {}

  struct Found {
    std::optional<Digest> digest;               // always there in an answer
    std::string media_type;
    std::shared_ptr<const std::string> bytes;
    Outcome outcome = Outcome::error;
    std::optional<Seconds> age;                 // of a tag: since the upstream last confirmed it
    std::string warning = {};                   // of a miss: what a budget says to it
  };
  Task<Result<Found>> find(LoopParts& parts, const Router::Target& target, Reference reference);

  // Asks the upstream now, whatever is known; the tag's digest afterwards.
  Task<Result<Digest>> refresh(LoopParts& parts, const Router::Target& target, Tag tag);

 private:
  Task<Result<Found>> by_digest(LoopParts& parts, const Router::Target& target, Digest digest);
  Task<Result<Found>> by_tag(LoopParts& parts, const Router::Target& target, Tag tag);
  Task<Result<Found>> fetch_unless_held(LoopParts& parts, Router::Target target, Digest digest);
  Task<Result<Found>> ask_unless_believed(LoopParts& parts, Router::Target target, Tag tag);
  Task<Result<Found>> ask_for_tag(LoopParts& parts, Router::Target target, Tag tag, std::optional<TagRecord> record);
  Task<Result<Found>> confirmed(LoopParts& parts, const Router::Target& target, const Tag& tag, const Digest& digest);
  Task<Result<Found>> fetch(LoopParts& parts, Router::Target target, Reference reference, std::optional<Tag> also_tag);
  Task<Result<Found>> stale_or(LoopParts& parts, const Router::Target& target, const TagRecord& record, Error error);

  // From the store alone; nothing when it is not held or not linked as a manifest.
  std::optional<Found> held(const Name& repository, const Digest& digest);
  // The same, of a tag that need not be confirmed yet.
  std::optional<Found> believed(const Router::Target& target, const std::optional<TagRecord>& record);
  Milliseconds tag_ttl(const Router::Target& target) const;
  std::string flight_of(const LoopParts& parts, const Router::Target& target, const std::string& what) const;

  Site& site_;
  SingleFlight<std::string, Result<Found>> flights_;
};

}  // namespace weir
