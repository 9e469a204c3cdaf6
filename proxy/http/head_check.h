#pragma once
// What a request's head must not be, checked on the raw bytes before the parser sees them: the shapes by which two
// programs can be made to disagree about where a request ends (RFC 9112 sections 2.2, 3.2, 5.2, 6.1, 6.3, 11.2).

#include <cstddef>
#include <optional>
#include <string_view>

namespace weir {

inline constexpr std::size_t kMostHeadBytes = 32 << 10;

// Where the head ends (past its empty line), or nothing when it is not complete yet. `from` is how far an earlier call
// has looked. A line break that is not CR LF, or a NUL, ends it at once: the head is then bad and `bad` says why.
struct HeadEnd {
  std::optional<std::size_t> end;
  const char* bad = nullptr;
};
HeadEnd find_head_end(std::string_view bytes, std::size_t from = 0);

// Nothing, or what is wrong with a complete head: folded lines, a space before a colon, no Host or two (HTTP/1.1),
// Content-Length twice, not a number or beside Transfer-Encoding, Transfer-Encoding other than exactly `chunked` on
// HTTP/1.1, a control character.
const char* check_head(std::string_view head);

// Nothing, or what is wrong with one line behind a body in chunks: its shape alone, as what it says counts for nothing.
const char* check_trailer(std::string_view line);

}  // namespace weir
