#pragma once
// DatabaseFolder: what was compiled once, kept for the next start under the hash of what it was compiled from.
//
// Nothing here is an error: what cannot be read is not there, and what cannot be written is compiled again another time. A file
// that is not whole is not there either.

#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"

namespace weir {

// Thread: blocks on disk work.
class DatabaseFolder {
 public:
  // Without a disk it holds nothing.
  DatabaseFolder(FileSystem* disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

  // `name`: 64 hexadecimal digits.
  std::optional<std::string> read(const std::string& name) const;
  // Of many the oldest go.
  void write(const std::string& name, std::string_view bytes) const;

  static constexpr std::size_t kMostKept = 8;

 private:
  Status write_file(const std::string& path, std::string_view bytes) const;
  void remove_oldest() const;
  std::string path_of(const std::string& name) const { return folder_ + '/' + name + ".hsdb"; }

  FileSystem* disk_;
  std::string folder_;
};

}  // namespace weir
