#pragma once
// ChunkReader: the body of a request in chunks (RFC 9112 section 7.1), strictly.
//
// Where two programs could disagree about the end of a chunk or of the body, there is an error: line breaks other than CR LF,
// control characters and line breaks within an extension, folded or nameless trailer lines, sizes that are not plain
// hexadecimal or not of 64 bits.

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace weir {

class ChunkReader {
 public:
  struct Part {
    std::size_t consumed = 0;
    std::string_view data;  // within the bytes given
    bool done = false;      // the body is over; what follows belongs to the next request
  };
  // The next step: a piece of data, or framing, of which nothing is taken by halves. Nothing consumed: more bytes are needed.
  // Extensions and trailers are passed over. Error (client): invalid, also for a line of more than 8 KiB and for more than 32 KiB
  // of trailers.
  Result<Part> next(std::string_view bytes);

 private:
  enum class At { size, data, data_end, trailers };

  Result<Part> read_size(std::string_view bytes);
  Result<Part> read_data_end(std::string_view bytes);
  Result<Part> read_trailer(std::string_view bytes);

  At at_ = At::size;
  std::uint64_t left_ = 0;  // of the chunk
  std::size_t trailer_bytes_ = 0;
};

}  // namespace weir
