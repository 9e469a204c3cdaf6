// JSON from upstreams and over the admin socket: what is read can be written, and means the same.

#include "base/json.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = Json::parse(as_text(data, size));
  if (!json) {
    expect(!json.error().what.empty(), "there is a word for what is wrong");
    return 0;
  }
  const auto text = json->text();
  const auto again = Json::parse(text);
  expect(again && again->text() == text, "written and read again it is the same");
  expect(!json->is_array() || json->keys().empty(), "an array has no keys");
  expect(!json->is_object() || json->items().empty(), "an object has no items");
  for (const auto& key : json->keys()) expect(json->has(key) && json->at(key), "what is listed is there");
  return 0;
}
