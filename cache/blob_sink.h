#pragma once
// BlobSink: where the bytes of one blob go as they come from an upstream, in order and without gaps. A Fill is one.
// Thread: one Task on one loop writes.

#include <cstdint>
#include <optional>
#include <string>

#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "oci/digest.h"

namespace weir {

class BlobSink {
 public:
  virtual ~BlobSink() = default;

  virtual const Digest& digest() const noexcept = 0;
  // How many bytes it has; the next one is asked for at this offset.
  virtual std::uint64_t written() const = 0;
  // Whether head() was called.
  virtual bool opened() const = 0;

  // The upstream is about to send so many bytes in all; before head(). Error: there is no room for them.
  virtual Task<Status> reserve(Loop& loop, std::uint64_t size) = 0;
  // The upstream answered; nothing: it did not say how many bytes there are.
  virtual void head(std::optional<std::uint64_t> size) = 0;
  // Throws away what it held to begin with; before head() only. Error: it cannot.
  virtual Task<Status> restart(Loop& loop) = 0;
  // Error: it takes no more, or there are more bytes than the size.
  virtual Task<Status> append(Loop& loop, std::string bytes) = 0;
};

}  // namespace weir
