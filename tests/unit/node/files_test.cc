#include "node/files.h"

#include <algorithm>

#include "base/file_system.h"
#include "base/json.h"
#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

constexpr std::string_view kCa = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

NodeOptions options(NodeClient client, std::string_view endpoint, std::vector<std::string> registries = {"docker.io", "quay.io"}) {
  NodeOptions made;
  made.client = client;
  auto url = parse_endpoint(endpoint);
  REQUIRE(url.ok());
  made.endpoint = *std::move(url);
  made.registries = std::move(registries);
  return made;
}

std::vector<NodeFile> files(const NodeOptions& of) {
  auto made = node_files(of);
  if (!made) FAIL(made.error().what);
  return *std::move(made);
}

std::vector<std::string> paths(const std::vector<NodeFile>& of) {
  std::vector<std::string> names;
  for (const auto& file : of) names.push_back(file.path);
  return names;
}

std::string content(const std::vector<NodeFile>& of, std::string_view path) {
  const auto found = std::find_if(of.begin(), of.end(), [&](const auto& file) { return file.path == path; });
  REQUIRE(found != of.end());
  return found->content;
}

bool has_line(const std::string& text, std::string_view line) {
  const auto lines = split(text, '\n');
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

std::string refused(const NodeOptions& of) {
  const auto made = node_files(of);
  REQUIRE(!made.ok());
  CHECK(made.error().failure == Failure::invalid);
  return made.error().what;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("an endpoint is an origin and nothing more") {
  CHECK(parse_endpoint("http://weir.local:5000")->text() == "http://weir.local:5000/");
  CHECK(parse_endpoint("https://[fd00::1]:5443/")->text() == "https://[fd00::1]:5443/");
  CHECK(parse_endpoint("HTTPS://Weir.Local")->text() == "https://weir.local/");
  for (const auto text : {"", "weir.local:5000", "ftp://weir.local", "http://weir.local/v2", "http://weir.local?x",
                          "http://weir.local#x", "http://user:secret@weir.local", "http://weir.local:0", "http://we ir.local"}) {
    CAPTURE(text);
    CHECK(!parse_endpoint(text).ok());
  }
}

TEST_CASE("a header has a name and a value without control characters") {
  CHECK(*parse_node_header("X-Team: ml") == std::pair(std::string("X-Team"), std::string("ml")));
  CHECK(parse_node_header("X-Team:")->second.empty());
  CHECK(parse_node_header("X-Url: http://a:1")->second == "http://a:1");
  for (const auto text : {"", "X-Team", ": ml", "X Team: ml", "X-Team: m\nl", "X-\"Team: ml"}) {
    CAPTURE(text);
    CHECK(!parse_node_header(text).ok());
  }
}

TEST_CASE("a CA file holds certificates and no private key") {
  CHECK(check_ca(kCa).ok());
  CHECK(!check_ca("").ok());
  CHECK(!check_ca(std::string(kCa) + "-----BEGIN EC PRIVATE KEY-----\n").ok());
}

TEST_CASE("containerd: every registry and all others have the mirror as their server") {
  const auto made = files(options(NodeClient::containerd, "http://10.0.0.1:5000"));
  CHECK(paths(made) == Words{"_default/hosts.toml", "docker.io/hosts.toml", "quay.io/hosts.toml"});
  for (const auto& file : made) {
    CHECK(has_line(file.content, "server = \"http://10.0.0.1:5000\""));
    CHECK(has_line(file.content, "capabilities = [\"pull\", \"resolve\"]"));
    CHECK(has_line(file.content, "[host]"));  // containerd 1 takes no file without it
    CHECK(file.content.find("ca =") == std::string::npos);
    CHECK(!file.secret);
  }
}

TEST_CASE("containerd: the CA stands beside each file, headers are quoted and kept from others") {
  auto asked = options(NodeClient::containerd, "https://weir.local", {"quay.io"});
  asked.ca = kCa;
  asked.headers = {{"X-Team", "m\"l"}, {"X-Site", "a"}, {"X-Team", "b"}};
  const auto made = files(asked);
  CHECK(paths(made) == Words{"_default/hosts.toml", "_default/ca.crt", "quay.io/hosts.toml", "quay.io/ca.crt"});
  CHECK(content(made, "quay.io/ca.crt") == kCa);
  const auto toml = content(made, "quay.io/hosts.toml");
  CHECK(has_line(toml, "ca = \"ca.crt\""));
  CHECK(has_line(toml, "  \"X-Team\" = [\"m\\\"l\", \"b\"]"));
  CHECK(has_line(toml, "  \"X-Site\" = [\"a\"]"));
  CHECK(made[0].secret);
  CHECK(!made[1].secret);
}

TEST_CASE("CRI-O and podman: a registry is a path of the mirror, every other is refused") {
  for (const auto client : {NodeClient::crio, NodeClient::podman}) {
    const auto made = files(options(client, "http://10.0.0.1:5000"));
    CHECK(paths(made) == Words{"registries.conf", "policy.json"});
    const auto conf = content(made, "registries.conf");
    CHECK(has_line(conf, "unqualified-search-registries = [\"docker.io\"]"));
    CHECK(has_line(conf, "prefix = \"quay.io\""));
    CHECK(has_line(conf, "location = \"10.0.0.1:5000/quay.io\""));
    CHECK(has_line(conf, "insecure = true"));
    CHECK(conf.find("mirror]") == std::string::npos);  // a mirror would have a primary behind it
    const auto policy = Json::parse(content(made, "policy.json"));
    REQUIRE(policy.ok());
    const auto docker = policy->at("transports")->at("docker");
    const auto type = [&](std::string_view scope) { return docker->at(scope)->items()[0].string_at("type").value_or(""); };
    CHECK(type("") == "reject");
    CHECK(type("quay.io") == "insecureAcceptAnything");
    CHECK(type("10.0.0.1:5000") == "insecureAcceptAnything");
    CHECK(policy->at("default")->items()[0].string_at("type") == "insecureAcceptAnything");
  }
}

TEST_CASE("CRI-O and podman: over TLS nothing is insecure, and the CA has the folder of its host") {
  auto asked = options(NodeClient::podman, "https://weir.local:5443", {"quay.io"});
  asked.ca = kCa;
  const auto made = files(asked);
  CHECK(content(made, "certs.d/weir.local:5443/ca.crt") == kCa);
  const auto conf = content(made, "registries.conf");
  CHECK(conf.find("insecure") == std::string::npos);
  CHECK(conf.find("unqualified") == std::string::npos);  // Docker Hub is not served
}

TEST_CASE("docker: a mirror for Docker Hub, and no other way out") {
  const auto made = files(options(NodeClient::docker, "http://10.0.0.1:5000"));
  CHECK(paths(made) == Words{"daemon.json", "docker.service.d/weir.conf"});
  const auto json = Json::parse(content(made, "daemon.json"));
  REQUIRE(json.ok());
  CHECK(json->at("registry-mirrors")->items()[0].string() == "http://10.0.0.1:5000");
  CHECK(json->at("insecure-registries")->items()[0].string() == "10.0.0.1:5000");
  const auto unit = content(made, "docker.service.d/weir.conf");
  CHECK(has_line(unit, "[Service]"));
  CHECK(has_line(unit, "Environment=HTTPS_PROXY=http://127.0.0.1:0"));
  CHECK(has_line(unit, "Environment=NO_PROXY=10.0.0.1"));

  auto secure = options(NodeClient::docker, "https://weir.local");
  secure.ca = kCa;
  const auto with_ca = files(secure);
  CHECK(content(with_ca, "daemon.json").find("insecure") == std::string::npos);
  CHECK(content(with_ca, "certs.d/weir.local/ca.crt") == kCa);
}

TEST_CASE("what a client cannot be told is refused with words") {
  CHECK(refused(options(NodeClient::docker, "http://a", {"quay.io"})).find("docker.io alone") != std::string::npos);
  auto header = options(NodeClient::podman, "http://a");
  header.headers = {{"X-Team", "ml"}};
  CHECK(refused(header).find("containerd") != std::string::npos);
  auto ca = options(NodeClient::containerd, "http://a");
  ca.ca = kCa;
  CHECK(refused(ca).find("http://") != std::string::npos);
  for (const auto name : {"../quay.io", "quay.io/x", "", "a\"b", "_default"}) {
    CAPTURE(name);
    CHECK(!node_files(options(NodeClient::containerd, "http://a", {name})).ok());
  }
}

TEST_CASE("the well-known registries are those of the shipped configuration") {
  const auto conf = read_small_file("conf/weir.conf", 1 << 20);
  REQUIRE(conf.ok());
  for (const auto& registry : well_known_registries()) CHECK(conf->find(registry) != std::string::npos);
}
