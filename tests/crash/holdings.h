// What a store says it holds, and whether it is whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::testing {

// Named as in the notes of promises.h: "blob DIGEST", "link REPOSITORY DIGEST", "tag REPOSITORY TAG". The values are a blob's
// size, nothing, a tag's digest.
struct Holdings {
  std::map<std::string, std::string> things;
  friend bool operator==(const Holdings&, const Holdings&) = default;
};

// Opens the store in `folder` as the program does, and closes it. Nothing: it cannot be opened. To `complaints` is added why,
// and all by which the store is not whole: a record without its file, or whose file has another size or digest; sums that
// are wrong; a link that is known from one side alone; a file in blobs/ without a record, or any that should not be there.
std::optional<Holdings> look_into(const std::string& folder, std::vector<std::string>& complaints);

}  // namespace weir::testing
