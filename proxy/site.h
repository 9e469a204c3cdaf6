#pragma once
// Site: what every part of the product shares, wired by main and handed down by reference.

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory_budget.h"
#include "cache/blob_store.h"
#include "cache/fill_table.h"
#include "meter/budgets.h"
#include "meter/cells.h"
#include "meter/counters.h"
#include "policy/policy.h"
#include "proxy/auth/tokens.h"
#include "proxy/auth_settings.h"
#include "proxy/listing_cache.h"
#include "proxy/negative_cache.h"
#include "proxy/options.h"
#include "proxy/request_counters.h"
#include "proxy/upstream/router.h"
#include "proxy/upstream/transport.h"

namespace weir {

// What belongs to one loop.
struct LoopParts {
  Loop& loop;
  Counters& counters;
  UsageRecorder& usage;
  RequestCounters requests;
  Transport transport;
  VerifiedTokens tokens;

  DiskPool& pool;
  std::atomic<unsigned> background{0};  // Tasks that run on their own for upstreams' tokens

  LoopParts(Loop& own_loop, Counters& own_counters, UsageRecorder& own_usage, DiskPool& shared_pool, std::string user_agent)
      : loop(own_loop), counters(own_counters), usage(own_usage), requests(own_counters),
        transport(own_loop, std::move(user_agent)), pool(shared_pool) {}
  UpstreamContext upstream() { return {transport, counters, pool, background, &usage}; }
};

// Replaced whole on SIGHUP; a request keeps the one it started with.
struct Settings {
  std::shared_ptr<const Router> router;
  std::shared_ptr<const AuthSettings> auth;
  FreshnessOptions freshness;
  std::shared_ptr<const Policy> policy;
  PolicyOptions policy_options;
  bool access_log = true;
};

// What is not held of a repository that a rule keeps offline.
inline Error not_held_offline(const Router::Target& target) {
  return Error{Failure::denied, Side::client, false,
               "denied by policy rule " + target.offline + ": it is not held, and nothing may be asked of an upstream"};
}

struct Site {
  const Clock& clock;
  Log& log;
  Meter& meter;
  BlobStore& store;
  FillTable& fills;
  NegativeCache& unknown;                          // what upstreams lately said is not there
  ListingCache& listings;
  Budgets& budgets;
  MemoryBudget& memory;                            // what is held for clients that read slowly
  std::vector<std::unique_ptr<LoopParts>>& loops;

  // What the disk did to something that was to be kept; said in the log once a minute.
  void note_disk(const Error& error) const {
    if (DiskHealth::is_failure(error) && store.health().failed())
      log.error("the store cannot be written to; what is not in it is passed through", {{"error", error.what}});
  }

  // What the budgets say of something that is to be fetched for this target. A refusal is an error of our own.
  Budgets::Verdict ask_budgets(const LoopParts& parts, const Router::Target& target) const {
    return budgets.ask(parts.usage.teams().of(target.identity), target.upstream->options().name);
  }
  static Error over_budget(const Budgets::Verdict& verdict) {
    return Error{Failure::throttled, Side::local, false,
                 verdict.refusal + "; nothing more is fetched for it, what is stored is served on"};
  }

  // Tasks that run on their own: fills and flights. The program ends after the last of them.
  std::atomic<unsigned> background{0};

  std::shared_ptr<const Settings> settings() const {
    std::lock_guard lock(settings_mutex);
    return current_settings;
  }
  void replace_settings(std::shared_ptr<const Settings> settings) {
    std::lock_guard lock(settings_mutex);
    current_settings = std::move(settings);
  }

  mutable std::mutex settings_mutex;
  std::shared_ptr<const Settings> current_settings;  // guarded by settings_mutex
};

}  // namespace weir
