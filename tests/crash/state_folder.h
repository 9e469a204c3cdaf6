// A real folder that is made to hold one DiskContents after the other, writing only what differs.
// Used by one thread at a time.
#pragma once

#include <map>
#include <string>

#include "tests/crash/disk_model.h"

namespace weir::testing {

class StateFolder {
 public:
  // Made if it is not there. All that is in it may be removed.
  explicit StateFolder(std::string path);

  const std::string& path() const { return path_; }

  // From now on it holds this and nothing else, whatever was done to it since the last time.
  // Throws std::runtime_error when that is impossible.
  void hold(const DiskContents& contents);

 private:
  struct Written {
    DiskEntry entry;
    std::uint64_t inode;
  };
  bool untouched(const std::string& place, const DiskEntry& entry) const;
  void clear_differing(const DiskContents& contents);
  void make(const std::string& place, const DiskEntry& entry);

  const std::string path_;
  std::map<std::string, Written> written_;             // by path within the folder
  std::map<std::uint64_t, std::string> first_name_;    // of each file, by identity, while it is being held
};

// What a folder holds now. Identities are inode numbers.
DiskContents contents_of(const std::string& folder);

// How two contents differ, a line for each path; identities do not matter.
std::vector<std::string> differences(const DiskContents& expected, const DiskContents& found);

}  // namespace weir::testing
