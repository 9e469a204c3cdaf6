// The reading half of the OCI distribution API (and of a plain object store), answered from a Registry.
#pragma once

#include <optional>
#include <string>

#include "tests/support/http_message.h"
#include "tests/support/registry.h"
#include "tests/support/reply.h"

namespace weir::testing {

// A path below /v2/ taken apart: /v2/<repository>/<kind>/<reference>.
struct RegistryPath {
  enum class Kind { ping, blob, manifest, tags, referrers };
  Kind kind = Kind::ping;
  std::string repository = {};
  std::string reference = {};

  // Nothing for a path that is not the API's.
  static std::optional<RegistryPath> parse(const std::string& path);
};

// GET and HEAD: objects, blobs (both with Range), manifests, tag lists, referrers, /v2/ itself. Other methods get 405.
// `ignore_range`: a Range is not looked at.
Reply answer_from(const Registry& registry, const Request& request, bool ignore_range);

}  // namespace weir::testing
