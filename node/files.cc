#include "node/files.h"

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "oci/name.h"

namespace weir {
namespace {

constexpr std::string_view kDockerHub = "docker.io";
// Nothing can listen on port 0.
constexpr std::string_view kNowhere = "http://127.0.0.1:0";

Error wrong(std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; }

std::string quote(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);  // JSON's escapes are TOML's as well
  return quoted;
}

// `https://HOST:PORT`, as every client writes an origin.
std::string origin_of(const Url& endpoint) {
  Url origin = endpoint;
  origin.target.clear();
  return origin.text();
}

std::string authority_of(const Url& endpoint) {
  const auto origin = origin_of(endpoint);
  return origin.substr(origin.find("://") + 3);
}

std::string written_by(std::string_view client, std::string_view what) {
  return "# Written by `weir node " + std::string(client) + "`. " + std::string(what) + '\n';
}

// ---- containerd ---------------------------------------------------------------------------------

std::string hosts_toml(const NodeOptions& options, std::string_view registry) {
  std::string text = written_by("containerd", registry == "_default"
                                                  ? "Every other registry too is pulled from the mirror alone:"
                                                  : std::string(registry) + " is pulled from the mirror alone:");
  text += "# without `server` containerd would ask the registry itself when the mirror fails.\n";
  text += "server = " + quote(origin_of(options.endpoint)) + '\n';
  text += "capabilities = [\"pull\", \"resolve\"]\n";
  if (!options.ca.empty()) text += "ca = \"ca.crt\"\n";
  // containerd 1 takes no file without this table, and then asks the registry; what stands in it would be asked before `server`.
  text += "\n[host]\n";
  if (options.headers.empty()) return text;
  std::map<std::string, std::vector<std::string>> by_name;
  for (const auto& [name, value] : options.headers) by_name[name].push_back(value);
  text += "\n[header]\n";
  for (const auto& [name, values] : by_name) {
    std::string list;
    for (const auto& value : values) list += (list.empty() ? "" : ", ") + quote(value);
    text += "  " + quote(name) + " = [" + list + "]\n";
  }
  return text;
}

std::vector<NodeFile> containerd_files(const NodeOptions& options) {
  std::vector<std::string> folders = options.registries;
  folders.insert(folders.begin(), "_default");
  std::vector<NodeFile> files;
  for (const auto& folder : folders) {
    files.push_back({folder + "/hosts.toml", hosts_toml(options, folder), !options.headers.empty()});
    if (!options.ca.empty()) files.push_back({folder + "/ca.crt", options.ca});
  }
  return files;
}

// ---- CRI-O and podman ---------------------------------------------------------------------------

std::string registries_conf(const NodeOptions& options, std::string_view client) {
  const auto mirror = authority_of(options.endpoint);
  std::string text = written_by(client, "Each registry is a path of the mirror, which has nothing to fall back to.");
  const auto& all = options.registries;
  if (std::find(all.begin(), all.end(), kDockerHub) != all.end())
    text += "\nunqualified-search-registries = [" + quote(kDockerHub) + "]\n";
  for (const auto& registry : all) {
    text += "\n[[registry]]\nprefix = " + quote(registry) + "\nlocation = " + quote(mirror + '/' + registry) + '\n';
    if (!options.endpoint.tls) text += "insecure = true\n";
  }
  return text;
}

void accept_scope(JsonWriter& json, std::string_view scope, std::string_view type) {
  json.key(scope).array().object().member("type", type).end().end();
}

std::string policy_json(const NodeOptions& options) {
  JsonWriter json;
  json.object();
  accept_scope(json, "default", "insecureAcceptAnything");
  json.key("transports").object().key("docker").object();
  accept_scope(json, "", "reject");
  for (const auto& registry : options.registries) accept_scope(json, registry, "insecureAcceptAnything");
  accept_scope(json, authority_of(options.endpoint), "insecureAcceptAnything");
  return json.end().end().end().take() + '\n';
}

NodeFile certificate_of(const NodeOptions& options) {
  return {"certs.d/" + authority_of(options.endpoint) + "/ca.crt", options.ca};
}

std::vector<NodeFile> containers_files(const NodeOptions& options) {
  const auto client = options.client == NodeClient::crio ? "crio" : "podman";
  std::vector<NodeFile> files = {{"registries.conf", registries_conf(options, client)}, {"policy.json", policy_json(options)}};
  if (!options.ca.empty()) files.push_back(certificate_of(options));
  return files;
}

// ---- docker -------------------------------------------------------------------------------------

std::string daemon_json(const NodeOptions& options) {
  JsonWriter json;
  json.object().key("registry-mirrors").array().value(origin_of(options.endpoint)).end();
  if (!options.endpoint.tls) json.key("insecure-registries").array().value(authority_of(options.endpoint)).end();
  return json.end().take() + '\n';
}

std::string docker_drop_in(const NodeOptions& options) {
  std::string text = written_by("docker", "The daemon asks Docker Hub when its mirror fails, and nothing in daemon.json");
  text += "# forbids it: everything but the mirror is sent to a proxy that is not there.\n[Service]\n";
  for (const auto name : {"HTTP_PROXY", "HTTPS_PROXY"})
    text += "Environment=" + std::string(name) + '=' + std::string(kNowhere) + '\n';
  return text + "Environment=NO_PROXY=" + options.endpoint.host + '\n';
}

std::vector<NodeFile> docker_files(const NodeOptions& options) {
  std::vector<NodeFile> files = {{"daemon.json", daemon_json(options)}, {"docker.service.d/weir.conf", docker_drop_in(options)}};
  if (!options.ca.empty()) files.push_back(certificate_of(options));
  return files;
}

}  // namespace

const std::vector<std::string>& well_known_registries() {
  static const std::vector<std::string> known = {"docker.io", "quay.io", "ghcr.io", "registry.k8s.io", "public.ecr.aws"};
  return known;
}

Result<Url> parse_endpoint(std::string_view text) {
  auto url = Url::parse(text);
  if (!url) return url;
  if (url->target != "/" || text.find('#') != std::string_view::npos)
    return wrong("an endpoint is http:// or https://, a host and a port, with nothing behind: clients ask a mirror at its root");
  return url;
}

Result<std::pair<std::string, std::string>> parse_node_header(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (colon == std::string_view::npos || !token) return wrong("a header is written NAME: VALUE");
  const auto value = trim(text.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }))
    return wrong("the value of the header " + std::string(name) + " holds a control character");
  return std::pair(std::string(name), std::string(value));
}

Status check_ca(std::string_view pem) {
  if (pem.find("-----BEGIN CERTIFICATE-----") == std::string_view::npos) return wrong("it holds no PEM certificate");
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos)
    return wrong("it holds a private key, which does not belong on a node");
  return ok_status();
}

Result<std::vector<NodeFile>> node_files(const NodeOptions& options) {
  if (!options.ca.empty() && !options.endpoint.tls) return wrong("a CA is of no use with an http:// endpoint");
  if (!options.headers.empty() && options.client != NodeClient::containerd)
    return wrong("only containerd can be told to send a header");
  for (const auto& registry : options.registries) {
    if (!valid_namespace(registry)) return wrong('\'' + registry + "' is no name of a registry");
  }
  switch (options.client) {
    case NodeClient::containerd: return containerd_files(options);
    case NodeClient::crio:
    case NodeClient::podman: return containers_files(options);
    case NodeClient::docker: break;
  }
  const auto& all = options.registries;
  if (std::find(all.begin(), all.end(), kDockerHub) == all.end())
    return wrong("docker uses a mirror for docker.io alone, which is not among the registries");
  return docker_files(options);
}

std::string node_hint(NodeClient client) {
  switch (client) {
    case NodeClient::containerd:
      return "They belong into the folder that config_path names (/etc/containerd/certs.d); containerd reads them with each "
             "pull.\n";
    case NodeClient::crio: return "They belong into /etc/containers; then: systemctl reload crio\n";
    case NodeClient::podman: return "They belong into /etc/containers; podman and buildah read them with each pull.\n";
    case NodeClient::docker: break;
  }
  return "daemon.json and certs.d belong into /etc/docker, docker.service.d into /etc/systemd/system; then: systemctl "
         "daemon-reload "
         "&& systemctl restart docker\nWithout the drop-in the daemon asks Docker Hub whenever the mirror fails.\n"
         "weir's default upstream must be Docker Hub: the daemon does not say which registry it means.\n";
}

}  // namespace weir
