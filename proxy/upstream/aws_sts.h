#pragma once
// The Security Token Service: roles taken on for a while (AWS Security Token Service API Reference, AssumeRole and
// AssumeRoleWithWebIdentity; the query protocol, version 2011-06-15).

#include <string>
#include <string_view>

#include "base/task.h"
#include "proxy/upstream/aws_credentials.h"
#include "proxy/upstream/aws_profile.h"
#include "proxy/upstream/transport.h"

namespace weir {

// Where it is asked, and for whose region a question is signed. `request` carries the URL, the deadlines and the trust.
struct StsEndpoint {
  TransferRequest request;
  std::string region;
};

// The role that a token of another issuer (a Kubernetes service account's) entitles to. Nothing is signed: the token is the
// proof. Error: the transfer's; refused, with the service's code for it; corrupt.
Task<Result<AwsCredentials>> assume_role_with_web_identity(Transport& transport, StsEndpoint endpoint, AwsRole role,
                                                           std::string token);

// A role that those credentials may assume.
Task<Result<AwsCredentials>> assume_role(Transport& transport, StsEndpoint endpoint, AwsRole role, AwsCredentials with);

// The credentials in an answer to `action`. Error: corrupt. Its XML is of one kind: elements and text, at most 64 KiB, eight
// deep; declarations of types, processing instructions, comments and CDATA are refused.
Result<AwsCredentials> parse_sts_credentials(std::string_view xml, std::string_view action);
// The code of an error, as shown_code() has it.
std::string parse_sts_error(std::string_view xml);

}  // namespace weir
