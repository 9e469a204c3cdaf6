#pragma once
// Elsewhere: whether a caller may pull a digest through another repository as well as through the one it asks for.
//
// A repository whose manifest merely refers to stored bytes has proven nothing. A caller that may pull the same digest through
// another repository, where it is proven, learns nothing new from them, and is served without a request to an upstream. That
// holds for this caller and this request: it is not remembered, since the next caller may have fewer rights (docs/security.md).
// Thread: any loop. Reads the index's memory map, a bounded number of rows.

#include "proxy/call.h"

namespace weir {

// At most eight repositories are looked at. Not those of upstreams with visibility = client, whose callers are judged by the
// upstream. False: there is none, or none whose rules allow it for certain.
bool pullable_elsewhere(const Site& site, const Call& call, const Digest& digest);

}  // namespace weir
