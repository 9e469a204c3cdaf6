// Layers: whatever is in them, they are analysed to an inventory that can be written and read back.

#include <sys/mman.h>
#include <unistd.h>

#include "scan/analyser.h"
#include "scan/image_inventory.h"
#include "scan/layer_codec.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("layer", MFD_CLOEXEC);
  expect(::ftruncate(file, 0) == 0 && ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size), "memory is a file");
  ::lseek(file, 0, SEEK_SET);
  ScanLimits limits;
  limits.inflated_bytes = 16 << 20;
  limits.archive_bytes = limits.database_bytes = limits.executable_bytes = 4 << 20;
  const auto inventory = analyse_layer(file, limits);
  expect(inventory.inflated_bytes <= limits.inflated_bytes + (1 << 20), "inflating ends at its limit");
  expect((inventory.state == LayerState::complete) == inventory.problems.empty(), "what is not complete says why");
  expect(inventory.state != LayerState::complete || inventory.diff_id.size() == 64, "a complete layer has a digest");
  const auto back = decode_layer_inventory(encode(inventory), {});
  expect(back && *back == inventory, "an inventory survives");
  const auto image = join_layers({{"a", inventory}, {"b", inventory}});
  expect(image.system_packages <= image.packages.size(), "the distribution's packages are some of all");
  return 0;
}
