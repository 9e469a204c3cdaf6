// Names as people and clients write them: repositories, tags, digests, and all of it in one.

#include "oci/digest.h"
#include "oci/name.h"
#include "oci/reference.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  if (const auto digest = Digest::parse(text)) expect(digest->text() == text, "a digest has one spelling");
  if (const auto tag = Tag::parse(text)) {
    expect(tag->text() == text && text.size() <= 128, "a tag is short and has one spelling");
    expect(!Digest::parse(text).ok(), "and is no digest");
  }
  if (const auto reference = Reference::parse(text)) expect(reference->text() == text, "so has a reference");
  if (const auto path = RepositoryPath::parse(text)) {
    expect(path->text() == text, "so has a path");
    for (const auto* bad : {"..", "//", "\\", " ", "%"}) expect(text.find(bad) == std::string_view::npos, "a path hides nothing");
    expect(!text.starts_with('/') && !text.ends_with('/'), "a path has no empty end");
  }
  (void)parse_written_reference(text);
  return 0;
}
