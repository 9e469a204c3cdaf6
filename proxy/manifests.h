#pragma once
// Manifests: GET and HEAD of /v2/NAME/manifests/REFERENCE.

#include "proxy/call.h"
#include "proxy/pull_manifest.h"

namespace weir {

class Manifests {
 public:
  explicit Manifests(ManifestPull& pull) : pull_(pull) {}
  Task<void> serve(Call& call);

 private:
  ManifestPull& pull_;
};

}  // namespace weir
