// The body of one HTTP/1.1 message, taken from a stream as its framing says.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/support/http_message.h"
#include "tests/support/stream.h"

namespace weir::testing {

class BodyReader {
 public:
  enum class Framing { none, length, chunked, until_end };

  // The framing of RFC 9112, section 6.3. `to_head`: the answer to a HEAD request, which has no body.
  static BodyReader of_request(Stream& stream, const Headers& headers);
  static BodyReader of_response(Stream& stream, const ResponseHead& head, bool to_head);

  // Decoded bytes; 0 when the body is over or cut short, which whole() tells apart.
  std::size_t read(char* out, std::size_t size, Deadline deadline);

  // The body ended where its framing said it would.
  bool whole() const { return over_ && outcome_ == Io::done; }

  // Nothing more will come.
  bool over() const { return over_; }

  // Why it is not whole.
  Io outcome() const { return outcome_; }

  Framing framing() const { return framing_; }

 private:
  BodyReader(Stream& stream, Framing framing, std::uint64_t length);

  bool begin_chunk(Deadline deadline);
  void end_chunk(Deadline deadline);
  std::size_t stop(Io outcome);

  Stream* stream_;
  Framing framing_;
  std::uint64_t left_;  // of the body, or of the chunk
  bool over_ = false;
  Io outcome_ = Io::done;
};

}  // namespace weir::testing
