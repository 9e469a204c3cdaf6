// Content-Range headers of upstreams.

#include "base/byte_range.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_content_range(as_text(data, size));
  if (!parsed) return 0;
  expect(parsed->range.first <= parsed->range.last, "a range goes forward");
  if (!parsed->size) return 0;
  expect(parsed->range.last < *parsed->size, "and lies within");
  const auto again = parse_content_range(content_range(parsed->range, *parsed->size));
  expect(again && again->range == parsed->range && again->size == parsed->size, "written and read again it is the same");
  return 0;
}
