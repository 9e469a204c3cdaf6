// Fuzzes what upstreams say in headers: challenges, Content-Range, Location; and Range as clients say it.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/byte_range.h"
#include "proxy/upstream/challenge.h"
#include "proxy/upstream/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto challenge = weir::parse_challenge(text)) {
    if (challenge->scheme == weir::Challenge::Scheme::bearer && challenge->realm.empty()) std::abort();
  }
  if (const auto range = weir::parse_content_range(text)) {
    if (range->range.last < range->range.first || (range->size && range->range.last >= *range->size)) std::abort();
  }
  for (const std::uint64_t length : {0ull, 1ull, 1000ull, ~0ull}) {
    const auto answer = weir::resolve_range(text, length);
    for (const auto& range : answer.ranges) {
      if (range.last < range.first || range.last >= length) std::abort();
    }
    if (answer.kind == weir::RangeAnswer::Kind::partial && answer.ranges.empty()) std::abort();
  }
  const auto base = weir::Url::parse("https://registry.example/v2/a/blobs/x?y=z");
  if (const auto url = base->resolve(text)) {
    const auto again = weir::Url::parse(url->text());
    if (!again || again->text() != url->text()) std::abort();
  }
  return 0;
}
