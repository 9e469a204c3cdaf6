#pragma once
// What upstreams list, read as a stream of JSON events and written anew. Each takes memory for its result, and no tree.
// An upstream's list has at most kMostListBytes and 524,288 values: about 500,000 tags a page.
// Thread: any. A list of some MiB takes tens of milliseconds: read it on a pool.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

inline constexpr std::size_t kMostListBytes = 8 << 20;

// `{"name":NAME,"tags":[...]}` and a line end, of the strings in `tags` that are tags. Error: corrupt, side upstream.
Result<std::string> read_tag_list(std::string_view body, std::string_view name);

// An index: `body` itself where `artifact_type` is empty, else one of its descriptors that have that type. Error: corrupt, side
// upstream, when it is no index or one of its descriptors has no digest.
Result<std::string> read_referrers(std::string body, std::string_view artifact_type);

}  // namespace weir
