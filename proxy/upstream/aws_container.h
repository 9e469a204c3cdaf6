#pragma once
// Credentials that the container's host hands out: Amazon ECS tasks, EKS Pod Identity (AWS SDKs and Tools Reference Guide,
// "Container credential provider").

#include <optional>
#include <string>

#include "proxy/upstream/aws_credentials.h"
#include "proxy/upstream/aws_environment.h"
#include "proxy/upstream/token_cache.h"

namespace weir {

// Where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI says they are; nothing when neither is set. The key goes in the clear
// over http, so that is for this machine and the addresses of Amazon's agents alone. Error (upstream): refused.
Result<std::optional<std::string>> container_credentials_url(const AwsEnvironment& environment);

// Asks there, with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE's text, read each time, or AWS_CONTAINER_AUTHORIZATION_TOKEN. Never
// through a proxy. Error: as parse_credentials_document(); the transfer's; refused.
Task<Result<AwsCredentials>> container_credentials(UpstreamContext context, AwsEnvironment environment, std::string url);

}  // namespace weir
