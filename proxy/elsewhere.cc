#include "proxy/elsewhere.h"

#include "cache/lineage.h"
#include "proxy/decide.h"

namespace weir {
namespace {

constexpr std::size_t kMostRepositories = 8;
constexpr unsigned kMostManifests = 50;  // of one repository, by which a blob is judged there

std::optional<Router::Target> target_of(const Call& call, const std::string& repository) {
  auto path = RepositoryPath::parse(repository);
  if (!path) return std::nullopt;
  auto target = call.settings->router->resolve(*path, std::nullopt, "");
  if (!target || target->repository.text() != repository) return std::nullopt;  // its upstream is no longer configured
  return *std::move(target);
}

// Whether the rules allow the digest there whatever is still unknown.
bool allowed(const Site& site, const Call& call, const Router::Target& target, const Digest& digest) {
  const auto& policy = *call.settings->policy;
  if (!call.settings->policy_options.enforce || (policy.rules() == 0 && policy.default_allow())) return true;
  auto question = question_about(call, call.identity(), Action::pull, target);
  question.asked = Question::Asked::digest;
  const auto decision = policy.decide(question);
  if (decision.effect != Decision::Effect::depends) return decision.effect == Decision::Effect::allow;
  bool allowed = false;
  unsigned looked = 0;
  each_kin(site.store.index(), question.repository, digest, [&](const Kin& manifest) {
    question.tags = manifest.tags;
    allowed = policy.decide_finally(question, facts_of(manifest, question.now)).effect == Decision::Effect::allow;
    return !allowed && ++looked < kMostManifests;
  });
  return allowed;
}

}  // namespace

bool pullable_elsewhere(const Site& site, const Call& call, const Digest& digest) {
  const auto repositories = site.store.index().proven_in(digest, call.target->repository.text(), kMostRepositories);
  for (const auto& repository : repositories) {
    const auto target = target_of(call, repository);
    if (!target || target->upstream->options().visibility == Visibility::client) continue;
    if (allowed(site, call, *target, digest)) return true;
  }
  return false;
}

}  // namespace weir
