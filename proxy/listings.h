#pragma once
// Listings: what lists things and is no manifest, asked of the upstream only when a client asks.
//
//   GET /v2/NAME/tags/list?n=&last=                 page by page (distribution-spec, "Listing Tags")
//   GET /v2/NAME/referrers/DIGEST?artifactType=     (distribution-spec, "Listing Referrers"); where the upstream has no
//                                                   such API, from the referrers tag `sha256-HEX`, else an empty index

#include "base/single_flight.h"
#include "proxy/call.h"
#include "proxy/read_body.h"

namespace weir {

class Listings {
 public:
  explicit Listings(Site& site) : site_(site) {}
  Task<void> serve_tags(Call& call);
  Task<void> serve_referrers(Call& call);

 private:
  using Answer = Result<std::shared_ptr<const Listing>>;
  Task<void> serve(Call& call, std::string key, std::function<Task<Answer>()> ask);
  Task<Answer> ask_unless_known(std::string key, std::function<Task<Answer>()> ask, Milliseconds ttl);
  Task<Result<ChargedText>> read_list(LoopParts& parts, ChargedText body, std::function<Result<std::string>(std::string)> read);
  Task<Answer> ask_tags(LoopParts& parts, Router::Target target, std::string name, std::string page);
  Task<Answer> ask_referrers(LoopParts& parts, Router::Target target, Digest digest, std::string artifact_type, std::string page);
  Task<Answer> ask_referrers_tag(LoopParts& parts, Router::Target target, Digest digest, std::string artifact_type);

  Site& site_;
  SingleFlight<std::string, Answer> flights_;
};

}  // namespace weir
