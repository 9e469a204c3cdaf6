#pragma once
// A node's files into a folder, without destroying what somebody else wrote there.

#include <string>
#include <vector>

#include "base/result.h"
#include "node/files.h"

namespace weir {

struct WrittenFile {
  std::string path;
  bool changed = false;  // or it was there, just so
};

// All of them or none: a file that is there with other contents is a conflict, unless `replace`. Each is replaced in one step,
// mode 0644, or 0600 when it is secret; folders are made. Error: conflict, io.
Result<std::vector<WrittenFile>> write_node_files(const std::string& folder, const std::vector<NodeFile>& files, bool replace);

}  // namespace weir
