#include "commands/node_command.h"

#include <algorithm>
#include <cstdio>

#include "base/file_system.h"
#include "base/json.h"
#include "node/files.h"
#include "node/write.h"

namespace weir {
namespace {

constexpr std::size_t kMostCaBytes = 1 << 20;

struct KnownClient {
  const char* word;
  NodeClient client;
  const char* help;
};
constexpr KnownClient kClients[] = {
    {"containerd", NodeClient::containerd, "write hosts.toml files for containerd: ctr, nerdctl and Kubernetes' CRI"},
    {"crio", NodeClient::crio, "write registries.conf and policy.json for CRI-O"},
    {"docker", NodeClient::docker, "write daemon.json, and what keeps the daemon from going around, for Docker Engine"},
    {"podman", NodeClient::podman, "write registries.conf and policy.json for podman, buildah and skopeo"},
};

int complain(const std::string& what, int code) {
  std::fprintf(stderr, "weir: %s\n", what.c_str());
  return code;
}

std::vector<std::string> registries(const Invocation& invocation, const Options& options) {
  std::vector<std::string> names = invocation.values("registry");
  if (names.empty()) {
    for (const auto& upstream : options.upstreams)
      names.insert(names.end(), upstream.namespaces.begin(), upstream.namespaces.end());
  }
  if (names.empty()) names = well_known_registries();
  std::vector<std::string> once;
  for (auto& name : names) {
    if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(std::move(name));
  }
  return once;
}

// What was asked for; Error (invalid) when it cannot be.
Result<NodeOptions> node_options(const Invocation& invocation, const Options& options, NodeClient client) {
  NodeOptions node;
  node.client = client;
  const auto text = invocation.value("endpoint").value_or("");
  auto endpoint = parse_endpoint(text);
  if (!endpoint) {
    Error error = endpoint.error();
    error.what = "--endpoint '" + text + "': " + error.what;
    return error;
  }
  node.endpoint = *std::move(endpoint);
  if (const auto file = invocation.value("ca")) {
    auto pem = read_small_file(*file, kMostCaBytes);
    if (!pem) return std::move(pem).error();
    if (auto status = check_ca(*pem); !status) {
      Error error = status.error();
      error.what = "--ca " + *file + ": " + error.what;
      return error;
    }
    node.ca = *std::move(pem);
  }
  for (const auto& written : invocation.values("header")) {
    auto header = parse_node_header(written);
    if (!header) return std::move(header).error();
    node.headers.push_back(*std::move(header));
  }
  node.registries = registries(invocation, options);
  return node;
}

}  // namespace

std::vector<Command> node_commands() {
  std::vector<Flag> flags = {
      {"endpoint", "URL", "Where the node reaches weir: http:// or https://, a host and maybe a port.", false, "", true},
      {"out", "DIR", "The folder to write into; it is made.", false, "", true},
      {"ca", "FILE", "PEM certificates that the node needs to trust the endpoint.", false, ""},
      {"registry", "NAME",
       "A registry that weir serves; may be repeated. By default those of the configuration, and without one docker.io, quay.io, "
       "ghcr.io, registry.k8s.io and public.ecr.aws.",
       true, ""},
      {"header", "NAME: VALUE", "Sent with every request, by containerd alone; may be repeated.", true, ""},
      {"force", "", "Replace files that are there with other contents.", false, ""},
  };
  for (const auto& flag : config_flags()) flags.push_back(flag);
  flags.push_back(format_flag());
  std::vector<Command> commands;
  for (const auto& known : kClients) commands.push_back({std::string("node ") + known.word, known.help, flags, {}});
  return commands;
}

int node_command(const Invocation& invocation, const Options& options) {
  const auto word = invocation.command.substr(invocation.command.find(' ') + 1);
  const auto known = std::find_if(std::begin(kClients), std::end(kClients), [&](const auto& each) { return each.word == word; });
  const auto node = node_options(invocation, options, known->client);
  if (!node) return complain(node.error().what, 2);
  const auto files = node_files(*node);
  if (!files) return complain(files.error().what, 2);
  const auto written = write_node_files(invocation.value("out").value_or(""), *files, invocation.has("force"));
  if (!written) {
    const bool conflict = written.error().failure == Failure::conflict;
    return complain(written.error().what + (conflict ? "; nothing was written, --force replaces them" : ""), 1);
  }
  if (invocation.value("format") == "json") {
    JsonWriter json;
    json.object().key("rows").array();
    for (const auto& file : *written) json.object().member("file", file.path).member("changed", file.changed).end();
    std::printf("%s\n", json.end().end().take().c_str());
    return 0;
  }
  for (const auto& file : *written) std::printf("%-10s %s\n", file.changed ? "written" : "unchanged", file.path.c_str());
  std::printf("\n%s", node_hint(known->client).c_str());
  return 0;
}

}  // namespace weir
