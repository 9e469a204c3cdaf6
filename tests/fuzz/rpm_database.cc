// rpm's databases in their three formats, and the headers in them.

#include "scan/rpm_database.h"
#include "scan/bytes.h"
#include "scan/rpm_header.h"
#include "scan/system_packages.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  std::size_t bytes = 0;
  (void)each_rpm_header(bytes_of(text), [&bytes](Bytes header) {
    bytes += header.size();
    return true;
  });
  expect(bytes <= 2 * size + 4096 || text.starts_with("SQLite"), "headers are part of the database");
  std::vector<std::string> problems;
  (void)read_rpm_database(bytes_of(text), [](std::string_view) {}, problems);
  (void)read_rpm_header(bytes_of(text), [](std::string_view) {});
  return 0;
}
