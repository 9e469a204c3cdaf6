#pragma once
// Decide: what the rules say of a request, before anything is asked of an upstream; and the last word, where only the
// manifest can tell (docs/policy.md).
//
// A manifest by digest is judged by the tags that lead to it, a blob by the manifests of the repository that refer to it.
// In audit mode everything is decided, logged and counted, and nothing is refused.
// Thread: any loop, with that loop's parts.

#include "cache/lineage.h"
#include "proxy/call.h"
#include "proxy/pull_blob.h"
#include "proxy/pull_manifest.h"

namespace weir {

// Whether the rules may let somebody do this (`pull`, `push`, `delete`) with a repository, for the scope of a token: not when
// they deny it whatever is asked for. A list of tags is asked for with the scope to pull. Without enforcement everybody may pull.
bool may_ever(const Call& call, std::string_view identity, std::string_view action, const Router::Target& target);

// The question whether `identity` may do this with the target's repository, with no tag or digest in it yet.
Question question_about(const Call& call, std::string_view identity, Action action, const Router::Target& target);
// What rules may want to know of a manifest, but for the platform of an image that no index states.
Facts facts_of(const Kin& kin, WallSeconds now);

class Decide {
 public:
  Decide(Site& site, BlobPull& blobs, ManifestPull& manifests) : site_(site), blobs_(blobs), manifests_(manifests) {}

  // May it go on? False: it is refused and answered. `call.undecided` says that admit_manifest() has to be asked.
  Task<bool> admit(Call& call);
  // The last word on a manifest that is known now.
  Task<bool> admit_manifest(Call& call, const ManifestPull::Found& found);

 private:
  Task<Decision> judge_by_kin(Call& call, Question question);
  Task<Decision> judge(Call& call, Question question, Kin kin, bool final);
  Task<std::optional<std::string>> read_config(Call& call, Digest config);
  // Logs, counts, and refuses what is denied; true: it goes on.
  Task<bool> conclude(Call& call, const Question& question, const Decision& decision);

  Site& site_;
  BlobPull& blobs_;
  ManifestPull& manifests_;
};

}  // namespace weir
