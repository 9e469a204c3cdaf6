#pragma once
// Manifests: GET and HEAD of /v2/NAME/manifests/REFERENCE.

#include "proxy/call.h"
#include "proxy/decide.h"
#include "proxy/pull_manifest.h"

namespace weir {

class Manifests {
 public:
  Manifests(const Site& site, ManifestPull& pull, Decide& decide) : site_(site), pull_(pull), decide_(decide) {}
  Task<void> serve(Call& call);

 private:
  // A large one, from the store's file.
  Task<void> send_file(Call& call, ResponseHead head, const ManifestPull::Found& found);

  const Site& site_;
  ManifestPull& pull_;
  Decide& decide_;
};

}  // namespace weir
