#include "proxy/upstream/aws_sts.h"

#include "base/text.h"
#include "proxy/upstream/aws_exchange.h"
#include "proxy/upstream/xml_answer.h"

namespace weir {
namespace {

constexpr std::string_view kAssumeRole = "AssumeRole";
constexpr std::string_view kWithWebIdentity = "AssumeRoleWithWebIdentity";

std::string role_form(std::string_view action, const AwsRole& role) {
  std::string form = "Action=" + std::string(action) + "&Version=2011-06-15&RoleArn=" + percent_encode(role.arn) +
                     "&RoleSessionName=" + percent_encode(role.session_name);
  if (!role.external_id.empty()) form += "&ExternalId=" + percent_encode(role.external_id);
  if (role.seconds > 0) form += "&DurationSeconds=" + std::to_string(role.seconds);
  return form;
}

Task<Result<AwsCredentials>> ask_sts(Transport& transport, TransferRequest request, std::string_view action) {
  request.method = "POST";
  request.headers.push_back("Content-Type: application/x-www-form-urlencoded; charset=utf-8");
  auto answer = co_await ask_aws(transport, std::move(request));
  if (!answer) co_return std::move(answer).error();
  if (answer->status != 200)
    co_return aws_refusal("STS refused " + std::string(action) + ": " + parse_sts_error(answer->body), answer->status);
  co_return parse_sts_credentials(answer->body, action);
}

}  // namespace

Task<Result<AwsCredentials>> assume_role_with_web_identity(Transport& transport, StsEndpoint endpoint, AwsRole role,
                                                           std::string token) {
  auto request = std::move(endpoint.request);
  request.body = role_form(kWithWebIdentity, role) + "&WebIdentityToken=" + percent_encode(token);
  auto credentials = co_await ask_sts(transport, std::move(request), kWithWebIdentity);
  co_return credentials;
}

Task<Result<AwsCredentials>> assume_role(Transport& transport, StsEndpoint endpoint, AwsRole role, AwsCredentials with) {
  auto request = std::move(endpoint.request);
  request.body = role_form(kAssumeRole, role);
  request.aws_signature = AwsSignature{endpoint.region, "sts", with.key_id, with.secret, with.session_token};
  auto credentials = co_await ask_sts(transport, std::move(request), kAssumeRole);
  co_return credentials;
}

Result<AwsCredentials> parse_sts_credentials(std::string_view xml, std::string_view action) {
  const auto answer = XmlAnswer::parse(xml);
  if (!answer) return answer.error();
  const std::string name(action), path = name + "Response/" + name + "Result/Credentials/";
  AwsCredentials credentials{answer->at(path + "AccessKeyId"), answer->at(path + "SecretAccessKey"),
                             answer->at(path + "SessionToken"), parse_aws_time(answer->at(path + "Expiration"))};
  if (!well_formed(credentials) || credentials.session_token.empty() || !credentials.expires_at)
    return Error{Failure::corrupt, Side::upstream, true, "the answer to " + name + " holds no credentials"};
  return credentials;
}

std::string parse_sts_error(std::string_view xml) {
  const auto answer = XmlAnswer::parse(xml);
  return shown_code(answer ? answer->at("ErrorResponse/Error/Code") : "");
}

}  // namespace weir
