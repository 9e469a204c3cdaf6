#pragma once
// The files `config` and `credentials` of Amazon's tools, and what a profile in them says of credentials (AWS SDKs and Tools
// Reference Guide, "Shared config and credentials files", "Assume role credential provider").

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/upstream/aws_credentials.h"

namespace weir {

// Keys and values by profile. Where both files have a key, that of `credentials` counts.
using AwsProfile = std::map<std::string, std::string, std::less<>>;
using AwsProfiles = std::map<std::string, AwsProfile, std::less<>>;

// Never fails: what is no profile and no line with `=` is passed over, as those tools do.
AwsProfiles parse_aws_profiles(std::string_view config, std::string_view credentials);

// A role that is assumed with other credentials.
struct AwsRole {
  std::string arn;
  std::string session_name;
  std::string external_id;  // empty: none
  unsigned seconds = 0;     // 0: as long as the service likes
};

// Where credentials come from.
struct AwsSource {
  enum class Kind {
    nothing,       // the profile says nothing of credentials
    keys,
    web_identity,  // a token in `token_file`, for the role `web_identity`
    environment,
    container,
    instance,  // only with roles
  };
  Kind kind = Kind::nothing;
  AwsCredentials keys;
  std::string token_file;
  AwsRole web_identity;
  std::vector<AwsRole> roles;  // assumed one after the other, the first with what `kind` brings
};

// Error (upstream, refused): no profile of that name, a role without a source, a circle, or a way that weir does not go:
// programs to run, single sign-on, codes of a second factor.
Result<AwsSource> find_in_profiles(const AwsProfiles& profiles, std::string_view name);

}  // namespace weir
