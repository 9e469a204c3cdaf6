#pragma once
// AwsCredentialChain: credentials found as Amazon's own command line finds them, in its order; the first place that has any is
// taken, and what is wrong there is said instead of looking further:
//   1. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
//   2. a role in the profile (source_profile, credential_source, web_identity_token_file)
//   3. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN
//   4. a key in the profile
//   5. the container's endpoint
//   6. the instance's metadata, unless AWS_EC2_METADATA_DISABLED is `true`
// Nothing is kept between two calls: files are read again, roles assumed again. Thread: any loop, with its context.

#include <string>

#include "proxy/upstream/aws_credentials.h"
#include "proxy/upstream/aws_environment.h"
#include "proxy/upstream/aws_profile.h"
#include "proxy/upstream/token_cache.h"

namespace weir {

class AwsCredentialChain {
 public:
  // `region`: whose STS is asked where neither the environment nor the profile names another. `sts_url`: asked instead; may be
  // empty. `transfer`: deadlines, trust and proxy for it.
  AwsCredentialChain(AwsEnvironment environment, std::string region, std::string sts_url, TransferRequest transfer)
      : environment_(std::move(environment)), region_(std::move(region)), sts_url_(std::move(sts_url)),
        transfer_(std::move(transfer)) {}

  // Error (upstream): refused, with a sentence for whoever runs this site; or the failure of a transfer.
  Task<Result<AwsCredentials>> find(UpstreamContext context) const;

 private:
  struct Place {
    AwsSource source;
    std::string region;  // of STS
  };
  Task<Result<Place>> look(UpstreamContext context) const;
  Task<Result<AwsProfiles>> read_files(UpstreamContext context) const;
  Task<Result<AwsCredentials>> base_credentials(UpstreamContext context, const Place& place) const;
  Task<Result<AwsCredentials>> with_web_identity(UpstreamContext context, const Place& place) const;
  Result<AwsSource> from_environment() const;

  const AwsEnvironment environment_;
  const std::string region_, sts_url_;
  const TransferRequest transfer_;
};

}  // namespace weir
