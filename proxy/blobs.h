#pragma once
// Blobs: GET and HEAD of /v2/NAME/blobs/DIGEST. One delivery for all: a stored blob is a growing one that has grown.

#include "base/byte_range.h"
#include "proxy/call.h"
#include "proxy/pull_blob.h"

namespace weir {

class Blobs {
 public:
  Blobs(Site& site, BlobPull& pull) : site_(site), store_(site.store), memory_(site.memory), pull_(pull) {}
  Task<void> serve(Call& call);

 private:
  Task<void> describe(Call& call);
  BlobPull::Elsewhere elsewhere(const Call& call) const;
  Task<void> deliver_whole(Call& call, BlobPull::Source& source, std::optional<std::uint64_t> size);
  Task<void> deliver_range(Call& call, BlobPull::Source& source, ByteRange range, std::uint64_t size);
  Task<void> deliver_ranges(Call& call, BlobPull::Source& source, std::vector<ByteRange> ranges, std::uint64_t size);
  Task<std::optional<RegistryClient::Response>> open_aside(Call& call, const BlobPull::Source& source, ByteRange range,
                                                           std::uint64_t size, MemoryBudget::Share& room);
  Task<std::optional<std::uint64_t>> relay(Call& call, RegistryClient::Response& aside, ByteRange range, const Fill* fill);
  Task<bool> send(Call& call, BlobPull::Source& source, std::uint64_t from, std::optional<std::uint64_t> until, bool whole);
  Task<bool> heal(Call& call, BlobPull::Source& source, const Error& error, std::uint64_t from,
                  std::optional<std::uint64_t> until, bool whole);
  // Where the disk takes no bytes: past it.
  Task<void> pass_through(Call& call);
  Task<bool> pass_range(Call& call);
  Task<bool> go_on_without(Call& call, const Fill& fill, std::uint64_t from, std::optional<std::uint64_t> until, bool whole,
                           bool from_the_start);
  Task<void> unsatisfiable(Call& call, std::uint64_t size);
  Task<void> fail(Call& call, Error error);

  const Site& site_;
  BlobStore& store_;
  MemoryBudget& memory_;
  BlobPull& pull_;
};

}  // namespace weir
