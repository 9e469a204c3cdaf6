// Accept headers of clients: the first line is the header, the second a media type.

#include "oci/media_type.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = as_text(data, size);
  const auto accept = take_line(text);
  const auto type = take_line(text);
  (void)media_type::accepts(accept, type);
  const auto bare = media_type::without_parameters(type);
  expect(bare.size() <= type.size(), "parameters are only taken off");
  // More to choose from never takes a choice away.
  const std::string wider = std::string(accept) + ", " + std::string(media_type::kOciManifest);
  if (accept.find_first_of("\"") == std::string_view::npos && media_type::accepts(accept, media_type::kOciManifest))
    expect(media_type::accepts(wider, media_type::kOciManifest), "what is accepted still is beside more");
  return 0;
}
