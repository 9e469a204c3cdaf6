// A directory of its own for one test, removed with everything in it when the test is over.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weir::testing {

class TemporaryDirectory {
 public:
  // Made under `parent`; when that is empty under $TMPDIR, or /tmp. Throws std::runtime_error when that is impossible.
  explicit TemporaryDirectory(const std::string& parent = "");
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(std::string_view name) const { return (path_ / name).string(); }

  // Writes `text` to the file `name` and returns its full path. Parent directories are made.
  std::string write(std::string_view name, std::string_view text) const;

  // The directory stays when the test is over, to be looked at.
  void keep() { keep_ = true; }

 private:
  std::filesystem::path path_;
  bool keep_ = false;
};

// The whole file, or an empty string when there is none.
std::string read_file(const std::filesystem::path& path);

}  // namespace weir::testing
