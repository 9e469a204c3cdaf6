#include "proxy/upstream/aws_metadata.h"

#include <algorithm>

#include "base/text.h"
#include "proxy/upstream/aws_exchange.h"
#include "proxy/upstream/url.h"

namespace weir {
namespace {

constexpr char kRoles[] = "/latest/meta-data/iam/security-credentials/";
constexpr std::size_t kMostMetadataToken = 1024;
constexpr std::size_t kMostRoleName = 64;
// It is a hop away, or not there at all.
constexpr auto kMetadataPatience = Milliseconds(1000);

TransferRequest metadata_request(std::string url) {
  TransferRequest request;
  request.url = std::move(url);
  request.allow_private = true;  // the one address that is meant
  request.connect_timeout = kMetadataPatience;
  request.first_byte_timeout = kMetadataPatience;
  request.stall_timeout = kMetadataPatience;
  return request;
}

bool is_metadata_token(std::string_view text) {
  return !text.empty() && text.size() <= kMostMetadataToken &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// IAM's names of roles.
bool is_role_name(std::string_view text) {
  return !text.empty() && text.size() <= kMostRoleName && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+=,.@_-").find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<std::string> metadata_url(const AwsEnvironment& environment) {
  auto text = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (text.empty()) {
    const bool v6 = equal_ignoring_case(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "IPv6");
    text = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  }
  const auto url = Url::parse(text);
  if (!url) return aws_trouble("AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https URL");
  auto base = url->shown();
  while (base.ends_with('/')) base.pop_back();
  return base;
}

Task<Result<AwsCredentials>> metadata_credentials(Transport& transport, std::string url) {
  auto put = metadata_request(url + "/latest/api/token");
  put.method = "PUT";
  put.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 300", "Content-Type:"};
  auto token = co_await ask_aws(transport, std::move(put));
  if (!token)
    co_return aws_trouble("no AWS credentials were found, and no instance metadata answer at " + url +
                          " (in a container the instance's hop limit must be 2)");
  if (token->status != 200 || !is_metadata_token(token->body))
    co_return aws_refusal("the instance metadata gave no token of version 2 (" + std::to_string(token->status) + ")",
                          token->status);
  const std::string header = "X-aws-ec2-metadata-token: " + token->body;

  auto list = metadata_request(url + kRoles);
  list.headers = {header};
  auto roles = co_await ask_aws(transport, std::move(list));
  if (!roles) co_return std::move(roles).error();
  if (roles->status == 404) co_return aws_trouble("the instance has no role, and no other AWS credentials were found");
  const auto role = trim(std::string_view(roles->body).substr(0, roles->body.find_first_of("\r\n")));
  if (roles->status != 200 || !is_role_name(role))
    co_return aws_refusal("the instance metadata name no role (" + std::to_string(roles->status) + ")", roles->status);

  auto get = metadata_request(url + kRoles + percent_encode(role));
  get.headers = {header};
  auto answer = co_await ask_aws(transport, std::move(get));
  if (!answer) co_return std::move(answer).error();
  if (answer->status != 200)
    co_return aws_refusal("the instance metadata gave no credentials (" + std::to_string(answer->status) + ")", answer->status);
  co_return parse_credentials_document(answer->body);
}

}  // namespace weir
