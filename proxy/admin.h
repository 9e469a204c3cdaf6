#pragma once
// Admin: health, metrics and the admin API.
//
//   GET  /healthz                      200 while the program runs
//   GET  /readyz                       200 once it serves, 503 while it drains
//   GET  /metrics                      Prometheus text
//   GET  /admin/v1/status              JSON: version, uptime, what the store holds, what is under way
//   POST /admin/v1/cache/purge         {"reference":"docker.io/library/alpine:3"} or {"digest":"sha256:…"}
//   POST /admin/v1/cache/refresh       {"reference":"docker.io/library/alpine:3"}
//   POST /admin/v1/cache/pin, unpin    {"pattern":"docker.io/library/*:3"}
//   POST /admin/v1/cache/scrub         {}: a whole pass begins now
//   GET  /admin/v1/cache/scrub         what the pass under way has found, or the last one
//   POST /admin/v1/policy/reload       {}: the rule file is read again
//   POST /admin/v1/policy/release      {"digest":"sha256:…"}: it is no longer in quarantine
//
// What changes something is answered on the unix socket only, whose mode says who may.
// Thread: any loop.

#include <atomic>

#include "cache/scrub.h"
#include "proxy/http/exchange.h"
#include "proxy/policy_loader.h"
#include "proxy/pull_manifest.h"
#include "proxy/site.h"

namespace weir {

class Admin final : public Handler {
 public:
  Admin(Site& site, ManifestPull& manifests, Scrub& scrub, PolicyLoader& rules)
      : site_(site), manifests_(manifests), scrub_(scrub), rules_(rules), started_(site.clock.wall_seconds()) {}

  Task<void> handle(Exchange& exchange) override;
  void set_ready(bool ready) { ready_.store(ready); }

 private:
  struct Reply {
    int status = 200;
    std::string type = "application/json";
    std::string body;
  };
  Task<Reply> reply(Exchange& exchange);
  Task<Reply> change(Exchange& exchange);
  Task<Reply> purge_cache(LoopParts& parts, std::string reference, std::string digest);
  Task<Reply> refresh_tag(LoopParts& parts, std::string reference);
  Task<Reply> change_pin(LoopParts& parts, std::string pattern, bool pinned);
  Task<Reply> reload_policy(LoopParts& parts);
  Task<Reply> release(LoopParts& parts, std::string digest);
  std::string status_json() const;

  Site& site_;
  ManifestPull& manifests_;
  Scrub& scrub_;
  PolicyLoader& rules_;
  const WallSeconds started_;
  std::atomic<bool> ready_{false};
};

}  // namespace weir
