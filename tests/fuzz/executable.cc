// Executables: sections, and what the linkers of Go and Rust wrote into them.

#include "scan/bytes.h"
#include "scan/deflate.h"
#include "scan/elf.h"
#include "scan/go_build_info.h"
#include "scan/language_files.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  const auto elf = Elf::parse(bytes_of(text));
  if (!elf) return 0;
  if (const auto go = read_go_build_info(*elf)) {
    expect(go->go_version.size() <= 100, "a version is bounded");
    (void)go_release_version(go->go_version);
  }
  if (const auto section = elf->section(".dep-v0")) {
    expect(section->size() <= size, "a section lies in its file");
    if (const auto json = inflate_zlib(*section, 1 << 20)) (void)read_cargo_audit(*json);
  }
  return 0;
}
