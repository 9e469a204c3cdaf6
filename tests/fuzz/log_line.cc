// Text of strangers on its way into the log and into answers: it stays one JSON string on one line.

#include "base/json.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string escaped;
  append_json_string(escaped, as_text(data, size));
  for (const char c : escaped) expect(static_cast<unsigned char>(c) >= 0x20, "no control character stands in it");
  const auto json = Json::parse('[' + escaped + ']');
  expect(json && json->items().size() == 1 && json->items()[0].string(), "it is one string");
  std::string again;
  append_json_string(again, *json->items()[0].string());
  expect(again == escaped, "and what it says is written the same");
  return 0;
}
