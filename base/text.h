#pragma once
// Small questions about text: numbers, case, pieces, hex, percent-encoding, units.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace weir {

// Decimal digits only, no sign, no space, no overflow.
std::optional<std::uint64_t> parse_number(std::string_view text);

// ASCII only, as HTTP header names and media types are compared.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

std::string_view trim(std::string_view text);  // spaces and tabs at both ends
// Pieces between separators; empty ones are kept.
std::vector<std::string_view> split(std::string_view text, char separator);
// Words between spaces, tabs and commas; empty ones are dropped.
std::vector<std::string_view> words(std::string_view text);

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view lower_case_hex);
std::string to_base64(std::string_view bytes);
// RFC 4648 4, with padding. Read strictly: one text for each sequence of bytes.
std::optional<std::string> from_base64(std::string_view text);
// RFC 4648 5, without padding, as JSON Web Tokens have it (RFC 7515 2). Read strictly: one text for each sequence of bytes.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

std::string percent_encode(std::string_view text);  // all but RFC 3986 unreserved
std::optional<std::string> percent_decode(std::string_view text);  // nothing when a '%' is not followed by two hex digits

// `10GiB`, `512 kB`, `100`: KiB MiB GiB TiB are powers of 1024, kB MB GB TB of 1000.
std::optional<std::uint64_t> parse_size(std::string_view text);
// `250ms`, `30s`, `5m`, `2h`, `7d`; a number alone is in seconds.
std::optional<Milliseconds> parse_duration(std::string_view text);
std::string show_size(std::uint64_t bytes);
std::string show_duration(Milliseconds duration);

// RFC 9110 5.6.7: `Sat, 21 Nov 2026 02:00:00 GMT`.
std::string http_date(WallSeconds time);
// RFC 3339 with milliseconds, UTC.
std::string rfc3339(std::int64_t wall_milliseconds);

}  // namespace weir
