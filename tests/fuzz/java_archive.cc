// Jars and other zip files, jars in jars.

#include "scan/java_archive.h"
#include "scan/bytes.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  ScanLimits limits;
  limits.archive_bytes = limits.archive_file_bytes = 1 << 20;
  limits.archive_entries = 1000;
  const auto archive = read_java_archive(bytes_of(text), "lib/top-1.0.jar", limits);
  for (const auto& artifact : archive.artifacts) {
    expect(!artifact.artifact.empty() && !artifact.version.empty(), "an artifact has a name and a version");
    expect(artifact.version.size() <= limits.text_bytes, "texts are bounded");
  }
  for (const auto& [name, value] : read_jar_manifest(text))
    expect(name.size() + value.size() <= size, "attributes are part of the manifest");
  return 0;
}
