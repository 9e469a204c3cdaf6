#include "tests/support/aws_double.h"

#include <utility>

namespace weir::testing {

AwsDouble::AwsDouble() {
  service_.add_key(key());
  server_.serve([this](const Request& request) -> std::optional<Reply> {
    SignedRequest asked{request.method, request.target, {}, request.body};
    for (const auto& [name, value] : request.headers) asked.headers.emplace_back(name, value);
    auto answer = service_.answer(asked);
    if (!answer) return std::nullopt;
    return Reply::whole(answer->status, {{"Content-Type", answer->content_type}}, std::move(answer->body));
  });
}

AwsDouble::~AwsDouble() {
  server_.stop();
  service_.on_token({});
}

std::string AwsDouble::settings() const {
  return std::string("auth = ecr\nregion = ") + AwsService::kRegion + "\necr-endpoint = " + server_.url() +
         "\nsts-endpoint = " + server_.url() + "\n";
}

const AwsKey& AwsDouble::key() {
  static const AwsKey key{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  return key;
}

std::map<std::string, std::string> AwsDouble::environment(std::map<std::string, std::string> more) const {
  more.emplace("HOME", "/nonexistent");
  more.emplace("AWS_EC2_METADATA_SERVICE_ENDPOINT", server_.url());
  return more;
}

std::map<std::string, std::string> AwsDouble::environment_with_key() const {
  return environment({{"AWS_ACCESS_KEY_ID", key().id}, {"AWS_SECRET_ACCESS_KEY", key().secret}});
}

std::map<std::string, std::string> AwsDouble::environment_of_container() const {
  return environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server_.url(AwsService::kContainerPath)},
                      {"AWS_CONTAINER_AUTHORIZATION_TOKEN", AwsService::kContainerToken}});
}

std::map<std::string, std::string> AwsDouble::environment_with_web_identity(const std::string& token_file) const {
  return environment({{"AWS_WEB_IDENTITY_TOKEN_FILE", token_file}, {"AWS_ROLE_ARN", AwsService::kRole}});
}

void AwsDouble::guard(ScriptedUpstream& registry) {
  registry.access().answer_expired_with(403);
  registry.require_basic("AWS", "a token that nobody was given");
  service_.on_token([&registry](const std::string& password) { registry.require_basic("AWS", password); });
}

}  // namespace weir::testing
