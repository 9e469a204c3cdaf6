// Range headers of clients: the first line is the size of what is asked of, the rest the header.

#include "base/byte_range.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = as_text(data, size);
  const auto whole = parse_number(take_line(text)).value_or(1000);
  const auto answer = resolve_range(text, whole);
  expect((answer.kind == RangeAnswer::Kind::partial) == !answer.ranges.empty(), "a part has ranges, and nothing else has");
  std::uint64_t sum = 0;
  for (const auto& range : answer.ranges) {
    expect(range.first <= range.last && range.last < whole, "each range goes forward and lies within");
    expect(!__builtin_add_overflow(sum, range.length(), &sum), "all of them together are a length");
  }
  if (answer.ranges.size() > 1) expect(sum <= whole, "several cost no more than the whole");
  return 0;
}
