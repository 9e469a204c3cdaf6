#include "proxy/policy_loader.h"

#include "cache/lineage.h"

namespace weir {

Result<std::shared_ptr<const Policy>> PolicyLoader::load(const PolicyOptions& options) {
  auto loaded = Policy::load(options, {.disk = &store_.disk(), .folder = store_.layout().policy()});
  if (const auto* mistakes = std::get_if<std::vector<RuleMistake>>(&loaded)) {
    failed_.store(true);
    for (const auto& mistake : *mistakes) log_.error("policy refused", {{"error", mistake.text()}});
    const auto more = mistakes->size() - 1;
    return Error{Failure::invalid, Side::client, false,
                 mistakes->front().text() + (more > 0 ? ", and " + std::to_string(more) + " more" : "")};
  }
  const auto policy = std::get<std::shared_ptr<const Policy>>(std::move(loaded));
  if (policy->has_quarantine()) {
    if (auto begun = begin_quarantine(store_); !begun) {
      failed_.store(true);
      log_.error("policy refused: what is held could not be noted as seen before", {{"error", begun.error().what}});
      return begun.error();
    }
  }
  failed_.store(false);
  if (!options.file.empty())
    log_.info("policy loaded", {{"file", options.file},
                                {"rules", static_cast<std::uint64_t>(policy->rules())},
                                {"compiled", static_cast<std::uint64_t>(policy->compiled())},
                                {"mode", options.enforce ? "enforce" : "audit"}});
  return policy;
}

Result<std::shared_ptr<const Policy>> PolicyLoader::reload(Site& site) {
  const auto held = hold_settings();
  const auto old = site.settings();
  auto policy = load(old->policy_options);
  if (!policy) return policy;
  auto fresh = std::make_shared<Settings>(*old);
  fresh->policy = *policy;
  site.replace_settings(std::move(fresh));
  return policy;
}

}  // namespace weir
