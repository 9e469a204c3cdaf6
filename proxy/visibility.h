#pragma once
// CallerVisibility: whether a caller may see what the upstream of its request has (visibility = client).
//
// The caller's own credentials, which it sent for that upstream, are tried there on the repository it asks for: a HEAD of the
// manifest, one byte of the blob. What the upstream says is remembered for some minutes, for hits as for misses, whether a tag, a
// digest or a blob is meant; a no for seconds. Credentials go to the upstream and its token realm, and are kept as a hash alone.
// While the upstream cannot say and nothing is remembered, nothing is shown.
// Thread: any loop; one for all.

#include <string>

#include "base/single_flight.h"
#include "proxy/call.h"
#include "proxy/proof_cache.h"
#include "proxy/upstream/backoff.h"

namespace weir {

class CallerVisibility {
 public:
  explicit CallerVisibility(const Clock& clock) : proofs_(clock), refused_(clock) {}

  // True: it may be answered. False: it was refused, and that is answered: 401 with a challenge where other credentials may help,
  // 403, 404, 429, and 503 while the upstream cannot say.
  Task<bool> admits(Call& call);

 private:
  bool admits_root(const Call& call) const;
  Task<Status> prove(Call& call);
  Task<Status> ask(LoopParts& parts, Router::Target target, Route route, std::string caller, std::string key);
  Task<Status> refuse(Call& call, const Error& error);

  ProofCache proofs_;
  BackoffTable refused_;
  SingleFlight<std::string, Status> flights_;
};

}  // namespace weir
