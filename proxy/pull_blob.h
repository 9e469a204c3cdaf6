#pragma once
// BlobPull: a blob for a repository, from the disk, from a fill under way, or by starting one (docs/request.md).
//
// One upstream GET a digest, however many ask and through however many repositories. A repository that has not proven that it may
// serve the digest compares some bytes of its upstream with those that are here (docs/security.md, "Possession"), so that nobody
// sees through one repository what only another has.
// Thread: any loop, with that loop's parts.

#include <atomic>
#include <functional>
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
  // Whether the caller may pull the digest through another repository, where it is proven.
  using Elsewhere = std::function<bool()>;

  // Bytes to serve. `elsewhere` is asked where a manifest of this repository refers to the digest and nothing is proven. A Fill
  // that comes back has its head: its size is known where the upstream said one. What is stored and due to be hashed comes back
  // as a Fill as well, and is a hit.
  Task<Result<Source>> find(LoopParts& parts, const Router::Target& target, Digest digest, const Elsewhere& elsewhere);

  // All bytes of a blob that `sink` has not yet, resumed where an upstream breaks off, into no file.
  // Error: the upstream's, or the sink's.
  Task<Status> pass(LoopParts& parts, const Router::Target& target, BlobSink& sink);

  // Some bytes of a blob of `size` straight from the upstream, unverified and kept nowhere: for a reader far ahead of the
  // fill. Asks at once or not at all. Error: as RegistryClient::request(); corrupt when it answers with other bytes.
  Task<Result<RegistryClient::Response>> open_aside(LoopParts& parts, const Router::Target& target, Digest digest,
                                                    ByteRange range, std::uint64_t size);

  struct Description {
    std::optional<std::uint64_t> size;
    Outcome outcome = Outcome::error;
  };
  // What HEAD answers: from what is proven or what a manifest of the repository says, else from the upstream by one byte.
  Task<Result<Description>> describe(LoopParts& parts, const Router::Target& target, Digest digest, const Elsewhere& elsewhere);

  // All of the blob came through this repository and had its digest, past the store. Where the store holds it, that is a proof.
  Task<void> note_proven(LoopParts& parts, const Router::Target& target, Digest digest);

 private:
  Result<Source> past_the_disk(LoopParts& parts, const Router::Target& target);
  // What is here of a digest that another repository brought: whole, or as far as it has grown.
  struct Compared {
    std::shared_ptr<const UniqueFd> file;
    std::uint64_t begun = 0;  // bytes that are there
    std::optional<std::uint64_t> size;  // of the whole blob
    std::shared_ptr<Fill> fill;  // it is still growing
  };
  enum class Proof { proven, different };
  Task<Result<Proof>> prove(LoopParts& parts, Router::Target target, Digest digest);
  Task<Result<Proof>> compare(LoopParts& parts, Router::Target target, Digest digest);
  Task<Result<Compared>> what_is_here(LoopParts& parts, const Digest& digest);
  Task<Result<Proof>> compare_whole(LoopParts& parts, const Router::Target& target, const Digest& digest, std::uint64_t size);
  Task<Result<Proof>> compare_part(LoopParts& parts, const Router::Target& target, const Digest& digest, const Compared& here);
  Task<Result<std::optional<std::uint64_t>>> ask_for_size(LoopParts& parts, Router::Target target, Digest digest);
  Task<void> run_fill(LoopParts& parts, Router::Target target, std::shared_ptr<Fill> fill, std::optional<Link> link);
  Task<void> run_recheck(LoopParts& parts, std::shared_ptr<Fill> fill, BlobRecord record);
  Task<Status> fill_up(LoopParts& parts, const Router::Target& target, Fill& fill, std::optional<std::uint64_t> hint);
  Task<Status> fetch_once(LoopParts& parts, const Router::Target& target, RegistryClient::Request request, BlobSink& sink,
                          std::optional<std::uint64_t>& size);
  Task<Status> take_body(LoopParts& parts, RegistryClient::Response& response, BlobSink& sink, std::uint64_t skip);
  void remember_unknown(const Name& repository, const Digest& digest, const Error& error);

  Site& site_;
  SingleFlight<std::string, Result<Proof>> proofs_;
  SingleFlight<std::string, Result<std::optional<std::uint64_t>>> sizes_;
  std::atomic<unsigned> rechecks_{0};
};

}  // namespace weir
