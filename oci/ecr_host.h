#pragma once
// EcrHost: what the name of an Amazon ECR registry says, and where the API is that issues its tokens
// (AWS General Reference, "Amazon ECR endpoints and quotas", "Amazon ECR Public endpoints and quotas").

#include <optional>
#include <string>
#include <string_view>

namespace weir {

struct EcrHost {
  bool is_public = false;   // Amazon ECR Public, one registry for all
  std::string account;      // twelve digits; empty for the public one
  std::string region;
  std::string api_host;     // `api.ecr.eu-west-1.amazonaws.com`

  // `ACCOUNT.dkr.ecr.REGION.amazonaws.com` and its like in China and the other partitions, with `-fips` behind `ecr`, with
  // dual stack (`ACCOUNT.dkr-ecr.REGION.on.aws`), or one of the public registry's names; nothing for any other host.
  static std::optional<EcrHost> parse(std::string_view host);
};

// `eu-west-1`: lower case, digits and dashes, as in a host name; at most 64 characters.
bool valid_aws_region(std::string_view text);

// The domain under which the services of a region are found: `amazonaws.com`, in China `amazonaws.com.cn`.
std::string_view aws_domain(std::string_view region);

}  // namespace weir
