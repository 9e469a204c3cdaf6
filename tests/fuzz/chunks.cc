// Chunk framing: however the bytes are cut, they mean the same, and no more data comes out than went in.

#include <algorithm>

#include "proxy/http/chunk_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {

struct Outcome {
  bool bad = false, done = false;
  std::string data;
  std::size_t consumed = 0;
};

// As a connection feeds it: what is not consumed waits for more.
Outcome read(std::string_view bytes, std::size_t piece) {
  ChunkReader reader;
  Outcome outcome;
  std::size_t have = 0;
  while (!outcome.done && !outcome.bad) {
    const auto part = reader.next(bytes.substr(outcome.consumed, have - outcome.consumed));
    if (!part) {
      outcome.bad = true;
      break;
    }
    expect(part->consumed <= have - outcome.consumed, "nothing is consumed that is not there");
    outcome.consumed += part->consumed;
    outcome.data += part->data;
    outcome.done = part->done;
    if (outcome.done || part->consumed > 0) continue;
    if (have == bytes.size()) break;
    have = std::min(bytes.size(), have + piece);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = as_text(data, size);
  const auto whole = read(bytes, bytes.size());
  expect(whole.data.size() <= bytes.size(), "no more data than bytes");
  for (const std::size_t piece : {1, 3}) {
    const auto pieces = read(bytes, piece);
    expect(pieces.bad == whole.bad && pieces.done == whole.done, "pieces end as the whole does");
    expect(pieces.data == whole.data && pieces.consumed == whole.consumed, "and bring the same data");
  }
  return 0;
}
