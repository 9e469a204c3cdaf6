#pragma once
// A small file's contents replaced as a whole: whoever reads it finds the old ones or the new ones.
// Thread: any; it blocks.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// Gives `change` what is in the file, or nothing when there is none, and puts what it answers in its place: in another file, on
// the disk before it takes the name. Mode and owner stay as they were; a new file has 0600, and its folder's owner where root
// makes it. A symbolic link stays one. Two at once on files of one folder take turns, so neither undoes the other.
// Error: that of `change`, and then nothing is written; too_large for a file over `most` bytes; io and its like, and then the old
// contents are there.
Status rewrite_file(const std::string& path, std::size_t most,
                    const std::function<Result<std::string>(std::string_view before)>& change);

}  // namespace weir
