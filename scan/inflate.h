#pragma once
// Inflate: the uncompressed bytes of a layer, from a file descriptor; the wrapper of ISA-L's inflate and of zstd.
//
// The format is taken from the bytes, never from a media type: gzip of one or many members (RFC 1952; eStargz has many), zstd
// of one or many frames with skippable ones (RFC 8878; zstd:chunked has them), else the bytes as they are.
// The SHA-256 of the uncompressed bytes, which an image config calls the diffID, is computed on the way.
//
// Thread: one at a time. Error: corrupt (side upstream), what is not gzip or zstd to its end; too_large, a limit is reached,
// whose name stands in `what`; io, the descriptor cannot be read.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "scan/limits.h"

namespace weir {

enum class LayerFormat { plain, gzip, zstd };

class Inflate {
 public:
  // Reads from the descriptor's current position; the descriptor stays the caller's.
  Inflate(int fd, const ScanLimits& limits);
  ~Inflate();
  Inflate(const Inflate&) = delete;

  // The next bytes; empty at the end. They are valid until the next call.
  Result<std::span<const std::byte>> read();
  // Reads to the end, so that the digest covers everything. Error: as read().
  Status drain();

  LayerFormat format() const noexcept;
  std::uint64_t inflated() const noexcept;  // bytes returned so far
  // Hex of the SHA-256 of everything that read() returned. Call it once, after the end.
  std::string diff_id();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
