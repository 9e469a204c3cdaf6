#pragma once
// AwsCredentials: a key to Amazon's services, and the two forms in which its machines hand one out.
// No secret gets into an error's words.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace weir {

// Of every JSON document that Amazon's services answer with; each has a dozen values.
inline constexpr JsonLimits kAwsLimits{.depth = 16, .values = 1000, .string = 64 << 10};

struct AwsCredentials {
  std::string key_id;
  std::string secret;
  std::string session_token;                // of a role for a while; empty for a user's lasting key
  std::optional<WallSeconds> expires_at;    // nothing: they do not expire by themselves
};

// Key and secret there, all of it printable ASCII without blanks, as what goes into headers must be.
bool well_formed(const AwsCredentials& credentials);

// `2026-11-26T21:48:06Z`, with or without a fraction; UTC only.
std::optional<WallSeconds> parse_aws_time(std::string_view text);

// What the metadata of an instance and the endpoint of a container answer: AccessKeyId, SecretAccessKey, Token and
// Expiration, in JSON. Error (upstream): corrupt; refused where `Code` says so.
Result<AwsCredentials> parse_credentials_document(std::string_view json);

// The failure of something that this site must mend: no node is told that it has no access, nor that there is no such image.
Error aws_trouble(std::string what);

// What may be shown of a word that a service sent, such as the code of an error: letters, digits, dots and dashes.
std::string shown_code(std::string_view text);

}  // namespace weir
