#pragma once
// Pins: what must not be evicted because somebody said so: by the configuration, or by `weir cache pin`.
//
// A pinned repository keeps every blob that it is linked to. A pinned tag or manifest keeps what it refers to, as far as
// that is held when refresh() looks.
// Thread: refresh() and pinned() on one; the others on any.

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "cache/closure.h"
#include "oci/pattern.h"

namespace weir {

class Pins {
 public:
  Pins(const Index& index, FileSystem& disk, const Layout& layout) : index_(index), disk_(disk), layout_(layout) {}

  // Those of the configuration, in place of those before. Ones that are no patterns are left out.
  void configure(const std::vector<std::string>& patterns);
  // Reads all pins and what they mean now.
  void refresh();
  bool pinned(const IndexWriter& writer, const Digest& digest) const;

 private:
  void add(const Pattern& pattern);

  const Index& index_;
  FileSystem& disk_;
  const Layout& layout_;
  std::mutex mutex_;
  std::vector<Pattern> configured_;    // guarded by mutex_
  std::vector<Pattern> repositories_;  // refreshed, as below
  std::set<Digest> digests_;
};

}  // namespace weir
