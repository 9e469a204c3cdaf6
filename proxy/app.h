#pragma once
// App: the way of a request, top to bottom: identify -> decide -> dispatch -> serve -> account.
// Thread: any loop; one App for all.

#include "proxy/blobs.h"
#include "proxy/call.h"
#include "proxy/decide.h"
#include "proxy/listings.h"
#include "proxy/manifests.h"
#include "proxy/pull_blob.h"
#include "proxy/pull_manifest.h"
#include "proxy/site.h"
#include "proxy/token_endpoint.h"
#include "proxy/visibility.h"

namespace weir {

class App final : public Handler {
 public:
  App(Site& site, BlobPull& blob_pull, ManifestPull& manifest_pull, PasswordCheck& passwords)
      : site_(site), decide_(site, blob_pull, manifest_pull), visibility_(site.clock), blobs_(site, blob_pull),
        manifests_(site, manifest_pull, decide_), listings_(site), tokens_(site, passwords) {}

  Task<void> handle(Exchange& exchange) override;

 private:
  Task<void> answer(Call& call);
  Task<bool> resolve(Call& call);
  Task<bool> admit(Call& call, std::optional<Refusal> no);
  Task<void> dispatch(Call& call);
  Task<void> refuse(Call& call, ErrorCode code, int status, std::string detail, std::string challenge = {});
  void account(const Call& call);

  Site& site_;
  Decide decide_;
  CallerVisibility visibility_;
  Blobs blobs_;
  Manifests manifests_;
  Listings listings_;
  TokenEndpoint tokens_;
};

}  // namespace weir
