#include "tests/support/temporary_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace weir::testing {

TemporaryDirectory::TemporaryDirectory(const std::string& parent) {
  const char* usual = std::getenv("TMPDIR");
  std::string pattern = (!parent.empty() ? parent : usual && *usual ? usual : "/tmp") + "/weir-test-XXXXXX";
  if (!::mkdtemp(pattern.data())) throw std::runtime_error(pattern + ": " + std::strerror(errno));
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (keep_) return;
  // A test may have made a directory unwritable on purpose; what cannot be removed is left behind.
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(std::string_view name, std::string_view text) const {
  auto target = path_ / name;
  std::filesystem::create_directories(target.parent_path());
  std::ofstream out(target, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) throw std::runtime_error(target.string() + ": cannot be written");
  return target.string();
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace weir::testing
