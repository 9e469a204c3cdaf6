#pragma once
// Credentials of the role that an EC2 instance has, from its metadata (Amazon EC2 User Guide, "Use the Instance Metadata Service";
// version 2 only: each question carries a token that a PUT has brought, which nothing that is tricked into a GET can have).

#include <string>

#include "proxy/upstream/aws_credentials.h"
#include "proxy/upstream/aws_environment.h"
#include "proxy/upstream/transport.h"

namespace weir {

// Where the metadata are: AWS_EC2_METADATA_SERVICE_ENDPOINT, else the address of AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4 or
// IPv6). No slash at its end. Error (upstream): refused.
Result<std::string> metadata_url(const AwsEnvironment& environment);

// Asks there, never through a proxy. Error: refused (no role, no version 2, nobody answers); corrupt.
Task<Result<AwsCredentials>> metadata_credentials(Transport& transport, std::string url);

}  // namespace weir
