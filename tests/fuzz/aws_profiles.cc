// The shared files of Amazon's tools: whatever they hold, what comes of them fits into a request.

#include "proxy/upstream/aws_profile.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

// The first line is the name of a profile, what follows stands in both files.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = as_text(data, size);
  const auto name = take_line(text);
  const auto source = find_in_profiles(parse_aws_profiles(text, text), name);
  if (!source) {
    for (const char c : source.error().what) expect(c >= 0x20 && c < 0x7f, "a mistake is told in one printable line");
    return 0;
  }
  if (source->kind == AwsSource::Kind::keys) expect(well_formed(source->keys), "a key fits into a header");
  expect(source->roles.size() <= 6, "roles end");
  for (const auto& role : source->roles) expect(!role.arn.empty() && !role.session_name.empty(), "a role has its names");
  return 0;
}
