#pragma once
// What a node's container client must be told so that it pulls through this mirror and not around it: the files, as text.
//
// containerd   hosts.toml (containerd docs/hosts.md) for each registry and `_default`. `server` is the mirror itself: without it
//              containerd asks the registry when the mirror fails.
// crio podman  registries.conf (containers-registries.conf(5)): each registry is rewritten to a path of the mirror, so there is
//              no primary to fall back to. policy.json (containers-policy.json(5)) refuses every other registry.
// docker       daemon.json. The daemon always asks Docker Hub last and has no key to forbid it, so a systemd drop-in gives
//              it a proxy that leads nowhere for everything but the mirror.
//
// Pure: nothing is read or written here. Thread: any.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "proxy/upstream/url.h"

namespace weir {

enum class NodeClient { containerd, crio, docker, podman };

struct NodeOptions {
  NodeClient client = NodeClient::containerd;
  Url endpoint;                         // where the node reaches weir
  std::string ca;                       // PEM; empty: the node trusts the endpoint already
  std::vector<std::string> registries;  // namespaces that weir serves, docker.io among them by that name
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request; containerd alone can
};

struct NodeFile {
  std::string path;     // below the folder that all are for
  std::string content;
  bool secret = false;  // it may hold a credential: for its owner alone
};

// The registries of the shipped configuration.
const std::vector<std::string>& well_known_registries();

// http:// or https://, a host, maybe a port, and nothing behind: clients ask a mirror at its root. Error: invalid.
Result<Url> parse_endpoint(std::string_view text);
// `NAME: VALUE` (RFC 9110 5). Error: invalid.
Result<std::pair<std::string, std::string>> parse_node_header(std::string_view text);
// Error: invalid, when it holds no certificate, or a private key, which has no business on a node.
Status check_ca(std::string_view pem);

// Error: invalid, with what this client cannot be told.
Result<std::vector<NodeFile>> node_files(const NodeOptions& options);

// What is left to do on the node with these files, as lines for a person.
std::string node_hint(NodeClient client);

}  // namespace weir
