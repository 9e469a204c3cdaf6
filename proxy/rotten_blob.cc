#include "proxy/rotten_blob.h"

namespace weir {

Task<void> take_out_of_service(const Site& site, LoopParts& parts, Digest digest, BlobRecord record, std::string why) {
  site.log.error("a stored blob is not what it was", {{"digest", digest.text()}, {"error", why}});
  auto moved = co_await site.store.pool().run(parts.loop, [&] { return site.store.quarantine(digest, record); });
  if (!moved) site.note_disk(moved.error());
}

}  // namespace weir
