#pragma once
// Router: which upstream a request means, and the canonical name of its repository.
// Immutable; replaced whole when the configuration is read again.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/name.h"
#include "proxy/upstream/registry_client.h"

namespace weir {

class Router {
 public:
  // Error: invalid, an upstream's options do not stand (a configuration that was checked has none).
  static Result<std::shared_ptr<const Router>> make(const Clock& clock, const std::vector<UpstreamOptions>& upstreams);

  struct Target {
    std::shared_ptr<RegistryClient> upstream;
    Name repository;
    std::string ns;  // what `?ns=` said, when it decided
    std::string identity = "anonymous";  // who asks, for whom what it takes is counted
    std::string offline = {};  // the rule because of which nothing may be asked of the upstream; empty: it may
  };
  // In this order: `?ns=`; the path's first component; the Host header; the default upstream. A path that begins with the
  // host that `?ns=` names loses it.
  // Error (client): not_found when none of them names an upstream; invalid for a namespace that cannot be one.
  Result<Target> resolve(const RepositoryPath& path, std::optional<std::string_view> ns, std::string_view host) const;
  // The upstream that a request without a path means, such as that for /v2/; nothing when it names none.
  std::shared_ptr<RegistryClient> resolve_host(std::optional<std::string_view> ns, std::string_view host) const;

  // Whose that namespace is, in lower case; null: nobody's.
  std::shared_ptr<RegistryClient> find(std::string_view name_space) const;
  // Each once, by name.
  std::vector<std::shared_ptr<RegistryClient>> upstreams() const;

 private:
  std::shared_ptr<RegistryClient> find_host(std::string_view host) const;
  static Target target(std::shared_ptr<RegistryClient> upstream, RepositoryPath path);

  std::map<std::string, std::shared_ptr<RegistryClient>, std::less<>> by_namespace_;
  std::shared_ptr<RegistryClient> default_;
};

}  // namespace weir
