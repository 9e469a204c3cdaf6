#pragma once
// How the keys of an OpenID Connect issuer are read: from a file, or from its URL by the transport.

#include <memory>
#include <vector>

#include "base/disk_pool.h"
#include "proxy/auth/oidc.h"
#include "proxy/site.h"

namespace weir {

// At most 1 MiB, within ten seconds. `ca_file` as TransferRequest has it. The arguments must outlive what is returned.
Oidc::Fetch fetch_keys(DiskPool& pool, std::vector<std::unique_ptr<LoopParts>>& loops, std::string ca_file);

}  // namespace weir
