#include "proxy/upstream/router.h"

#include <algorithm>

#include "base/text.h"

namespace weir {

Result<std::shared_ptr<const Router>> Router::make(const Clock& clock, const std::vector<UpstreamOptions>& upstreams) {
  std::vector<std::string> hosts;
  for (const auto& options : upstreams) {
    for (const auto& text : options.urls) {
      auto url = Url::parse(text);
      if (!url) return std::move(url).error();
      hosts.push_back(url->host);
    }
    for (const auto& realm : options.token_realms) {
      auto named = Url::parse("http://" + realm);  // a host, maybe with a port
      if (!named) return std::move(named).error();
      hosts.push_back(named->host);
    }
  }
  auto router = std::make_shared<Router>();
  for (const auto& options : upstreams) {
    auto made = RegistryClient::make(clock, options, hosts);
    if (!made) return std::move(made).error();
    const auto client = *std::move(made);
    for (const auto& name_space : client->options().namespaces) router->by_namespace_.emplace(to_lower(name_space), client);
    if (options.is_default) router->default_ = client;
  }
  return std::shared_ptr<const Router>(std::move(router));
}

std::shared_ptr<RegistryClient> Router::find(std::string_view name_space) const {
  const auto found = by_namespace_.find(name_space);
  return found == by_namespace_.end() ? nullptr : found->second;
}

std::shared_ptr<RegistryClient> Router::find_host(std::string_view host) const {
  const auto lower_host = to_lower(host);
  if (auto upstream = find(lower_host)) return upstream;
  return find(std::string_view(lower_host).substr(0, lower_host.rfind(':')));
}

std::shared_ptr<RegistryClient> Router::resolve_host(std::optional<std::string_view> ns, std::string_view host) const {
  if (ns) return find(to_lower(*ns));
  auto upstream = find_host(host);
  return upstream ? upstream : default_;
}

std::vector<std::shared_ptr<RegistryClient>> Router::upstreams() const {
  std::map<std::string, std::shared_ptr<RegistryClient>> by_name;
  for (const auto& [name_space, client] : by_namespace_) by_name.emplace(client->options().name, client);
  std::vector<std::shared_ptr<RegistryClient>> all;
  for (auto& [name, client] : by_name) all.push_back(std::move(client));
  return all;
}

Router::Target Router::target(std::shared_ptr<RegistryClient> upstream, RepositoryPath path) {
  // Docker Hub's official images have no owner in what people write.
  const auto& namespaces = upstream->options().namespaces;
  const bool hub = std::find(namespaces.begin(), namespaces.end(), "docker.io") != namespaces.end();
  if (hub && path.single()) path = path.in_library();
  Name name(upstream->name_space(), std::move(path));
  Target found;
  found.upstream = std::move(upstream);
  found.repository = std::move(name);
  return found;
}

Result<Router::Target> Router::resolve(const RepositoryPath& path, std::optional<std::string_view> ns, std::string_view host) const {
  if (ns) {
    const auto wanted = to_lower(*ns);
    if (!valid_namespace(wanted)) return Error{Failure::invalid, Side::client, false, "the ns parameter is no registry's name"};
    auto upstream = find(wanted);
    if (!upstream) return Error{Failure::not_found, Side::client, false, "no upstream is configured for " + wanted};
    // A mirror that a client reaches under a path (containerd's override_path) hears the registry's name twice.
    const bool repeated = path.first().find_first_of(".:") != std::string_view::npos && find(path.first()) == upstream;
    auto found = target(std::move(upstream), repeated ? path.rest() : path);
    found.ns = *ns;
    return found;
  }
  if (auto upstream = find(path.first()); upstream && !path.single()) return target(std::move(upstream), path.rest());
  if (auto upstream = find_host(host)) return target(std::move(upstream), path);
  if (default_) return target(default_, path);
  return Error{Failure::not_found, Side::client, false,
               "no upstream is named by the ns parameter, the path or the Host, and none is the default"};
}

}  // namespace weir
