// What a scan worker answers: read strictly, and what is read is written as the same bytes.

#include "scan/image_inventory.h"
#include "scan/layer_codec.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  const auto inventory = decode_layer_inventory(text, {});
  if (!inventory) return 0;
  expect(encode(*inventory) == text, "there is one text for each inventory");
  (void)join_layers({{"a", *inventory}, {"b", *inventory}});
  return 0;
}
