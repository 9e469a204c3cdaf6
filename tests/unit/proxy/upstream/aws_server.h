// Amazon's cloud on a port of this machine, and the program's own parts that ask it.
#pragma once

#include "proxy/upstream/aws_credential_chain.h"
#include "proxy/upstream/ecr_token.h"
#include "tests/support/aws_service.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/proxy/upstream/asking.h"

namespace weir::testing {

inline SignedRequest signed_request(const TinyServer::Request& request) {
  SignedRequest out{request.method, request.target, {}, request.body};
  bool first = true;
  for (auto line : split(request.head, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto colon = line.find(':');
    if (!std::exchange(first, false) && colon != std::string_view::npos)
      out.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return out;
}

struct AwsServer {
  using Variables = std::map<std::string, std::string, std::less<>>;

  AwsService service;
  TinyServer server{[this](const TinyServer::Request& request, TinyServer::Peer& peer) {
    const auto answer = service.answer(signed_request(request));
    if (!answer) return peer.send(reply(404));
    return peer.send(reply(answer->status, answer->body, "Content-Type: " + answer->content_type + "\r\n"));
  }};
  Scratch scratch;
  Asking asking;
  ManualClock clock{::time(nullptr)};

  // An environment without files, in which nothing outside this test is asked.
  AwsEnvironment environment(Variables variables = {}) const {
    variables.emplace("HOME", scratch.path());
    variables.emplace("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url());
    return AwsEnvironment(std::move(variables));
  }
  static Variables key(const AwsKey& key) {
    Variables variables{{"AWS_ACCESS_KEY_ID", key.id}, {"AWS_SECRET_ACCESS_KEY", key.secret}};
    if (!key.session_token.empty()) variables.emplace("AWS_SESSION_TOKEN", key.session_token);
    return variables;
  }
  AwsCredentialChain chain(Variables variables = {}) const {
    return AwsCredentialChain(environment(std::move(variables)), AwsService::kRegion, server.url("/"), Asking::to(""));
  }
  Result<AwsCredentials> find(Variables variables = {}) {
    const auto asked = chain(std::move(variables));
    return asking.thread().run([&] { return asked.find(asking.context()); });
  }
  std::string failure(Variables variables = {}) {
    const auto found = find(std::move(variables));
    return found ? "nothing" : found.error().what;
  }
  void write_profiles(const std::string& config, const std::string& credentials = "") const {
    std::filesystem::create_directories(scratch.file(".aws"));
    write_file(scratch.file(".aws/config"), config);
    write_file(scratch.file(".aws/credentials"), credentials);
  }
};

}  // namespace weir::testing
