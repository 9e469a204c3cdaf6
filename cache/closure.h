#pragma once
// Closure: a manifest and everything that it refers to, as far as the manifests on the way are held.
// Thread: blocks on disk work.

#include <set>
#include <string_view>

#include "base/file_system.h"
#include "cache/index.h"
#include "cache/layout.h"

namespace weir {

// Adds `root` and what is below it as `repository` knows it.
void add_closure(const Index& index, FileSystem& disk, const Layout& layout, std::string_view repository, const Digest& root,
                 std::set<Digest>& into);

}  // namespace weir
