#pragma once
// BlobPull: a blob for a repository, from the disk, from a fill under way, or by starting one (docs/request.md).
//
// One upstream GET a digest, however many ask and through however many repositories; a repository that is not yet linked
// to the digest asks the upstream for one byte first, so that nobody sees through one repository what only another has.
// Thread: any loop, with that loop's parts.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/byte_range.h"
#include "base/single_flight.h"
#include "meter/outcome.h"
#include "proxy/site.h"

namespace weir {

class BlobPull {
 public:
  explicit BlobPull(Site& site) : site_(site) {}

  // The store takes no bytes, or not these: whoever wants them gets them from pass().
  struct Unkept {};
  struct Source {
    std::variant<OpenBlob, std::shared_ptr<Fill>, Unkept> from;
    Outcome outcome = Outcome::error;
    std::string warning = {};  // of a miss: what a budget says to it
  };
  // Bytes to serve. A Fill that comes back has its head: its size is known where the upstream said one. What is stored and
  // due to be hashed comes back as a Fill as well, and is a hit.
  Task<Result<Source>> find(LoopParts& parts, const Router::Target& target, Digest digest);

  // All bytes of a blob that `sink` has not yet, resumed where an upstream breaks off, into no file.
  // Error: the upstream's, or the sink's.
  Task<Status> pass(LoopParts& parts, const Router::Target& target, BlobSink& sink);

  // The stored bytes turned out wrong while they were sent: takes them out of service. find() then fetches them anew.
  Task<void> give_up(LoopParts& parts, Digest digest, BlobRecord record, std::string why);

  // Some bytes of a blob of `size` straight from the upstream, unverified and kept nowhere: for a reader far ahead of the
  // fill. Asks at once or not at all. Error: as RegistryClient::request(); corrupt when it answers with other bytes.
  Task<Result<RegistryClient::Response>> open_aside(LoopParts& parts, const Router::Target& target, Digest digest,
                                                    ByteRange range, std::uint64_t size);

  struct Description {
    std::optional<std::uint64_t> size;
    Outcome outcome = Outcome::error;
  };
  // What HEAD answers: from what is known, else from the upstream by one byte.
  Task<Result<Description>> describe(LoopParts& parts, const Router::Target& target, Digest digest);

 private:
  Result<Source> past_the_disk(LoopParts& parts, const Router::Target& target);
  Task<Result<Link>> probe(LoopParts& parts, Router::Target target, Digest digest);
  Task<Result<Link>> ask_for_one_byte(LoopParts& parts, Router::Target target, Digest digest);
  Task<void> run_fill(LoopParts& parts, Router::Target target, std::shared_ptr<Fill> fill, std::optional<Link> link);
  Task<void> run_recheck(LoopParts& parts, std::shared_ptr<Fill> fill, BlobRecord record);
  Task<Status> fill_up(LoopParts& parts, const Router::Target& target, Fill& fill, std::optional<std::uint64_t> hint);
  Task<Status> fetch_once(LoopParts& parts, const Router::Target& target, RegistryClient::Request request, BlobSink& sink,
                          std::optional<std::uint64_t>& size);
  Task<Status> take_body(LoopParts& parts, RegistryClient::Response& response, BlobSink& sink, std::uint64_t skip);
  void remember_unknown(const Name& repository, const Digest& digest, const Error& error);

  Site& site_;
  SingleFlight<std::string, Result<Link>> probes_;
  std::atomic<unsigned> rechecks_{0};
};

}  // namespace weir
