#pragma once
// OpenFiles: the blobs that are being read. A blob that is open is not evicted, and is opened once however many read it.
// Thread: any.

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "oci/digest.h"

namespace weir {

class OpenFiles {
 public:
  // The file, while somebody holds it; else null.
  std::shared_ptr<const UniqueFd> find(const Digest& digest);
  // It is open now, until its last holder lets go; beside others of that blob, as when two open it at once.
  void add(const Digest& digest, const std::shared_ptr<const UniqueFd>& file);
  // Who opens it next opens what has its name then.
  void forget(const Digest& digest);
  std::size_t size();
  // Entries in memory, those included whose files are closed already.
  std::size_t remembered();

 private:
  // Requests on different blobs rarely meet here.
  struct Part {
    std::mutex mutex;
    std::map<Digest, std::vector<std::weak_ptr<const UniqueFd>>> files;  // guarded by mutex; the latest last
    std::size_t clean_at = 64;                                            // guarded by mutex: swept when it is so large
  };
  Part& part_of(const Digest& digest) { return parts_[static_cast<unsigned char>(digest.raw().front()) % parts_.size()]; }
  std::array<Part, 16> parts_;
};

}  // namespace weir
