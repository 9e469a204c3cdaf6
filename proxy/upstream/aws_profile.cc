#include "proxy/upstream/aws_profile.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostRoles = 5;
constexpr unsigned kMostRoleSeconds = 43'200;

// `profile NAME` in `config`, the name alone in `credentials`; empty for sections of another kind.
std::string profile_name(std::string_view section, bool prefixed) {
  section = trim(section);
  if (prefixed && section != "default") {
    constexpr std::string_view kPrefix = "profile";
    if (!section.starts_with(kPrefix)) return {};
    section.remove_prefix(kPrefix.size());
    if (section.empty() || (section[0] != ' ' && section[0] != '\t')) return {};
    section = trim(section);
  }
  for (const char quote : {'"', '\''}) {
    if (section.size() > 1 && section.front() == quote && section.back() == quote)
      section = section.substr(1, section.size() - 2);
  }
  return std::string(section);
}

// A comment behind a value begins with a blank.
std::string_view without_comment(std::string_view value) {
  for (std::size_t i = 1; i < value.size(); ++i) {
    const bool blank = value[i - 1] == ' ' || value[i - 1] == '\t';
    if (blank && (value[i] == '#' || value[i] == ';')) return trim(value.substr(0, i));
  }
  return value;
}

void read_profiles(std::string_view text, bool prefixed, AwsProfiles& profiles) {
  AwsProfile* profile = nullptr;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    // What is indented belongs to the key above, which is none of those that matter here.
    if (line.empty() || line[0] == '#' || line[0] == ';' || line[0] == ' ' || line[0] == '\t') continue;
    if (line[0] == '[') {
      const auto end = line.find(']');
      const auto name = end == std::string_view::npos ? std::string() : profile_name(line.substr(1, end - 1), prefixed);
      profile = name.empty() ? nullptr : &profiles[name];
    } else if (const auto equals = line.find('='); equals != std::string_view::npos && profile) {
      const auto value = without_comment(trim(line.substr(equals + 1)));
      profile->insert_or_assign(to_lower(trim(line.substr(0, equals))), std::string(value));
    }
  }
}

std::string value_of(const AwsProfile& profile, std::string_view key) {
  const auto found = profile.find(key);
  return found == profile.end() ? std::string() : found->second;
}

std::string quoted_profile(std::string_view name) {
  std::string shown = "the AWS profile \"";
  for (const char c : name.substr(0, 64)) shown += c >= 0x20 && c < 0x7f && c != '"' ? c : '?';
  return shown + '"';
}

std::string role_session_name(const AwsProfile& profile) {
  const auto named = value_of(profile, "role_session_name");
  return named.empty() ? "weir" : named;
}

Result<AwsRole> role_of(const AwsProfile& profile, std::string_view name) {
  AwsRole role{value_of(profile, "role_arn"), role_session_name(profile), value_of(profile, "external_id"), 0};
  if (!value_of(profile, "mfa_serial").empty())
    return aws_trouble(quoted_profile(name) + " wants the code of a second factor (mfa_serial), which nobody is there to type");
  if (const auto seconds = value_of(profile, "duration_seconds"); !seconds.empty()) {
    const auto number = parse_number(seconds);
    if (!number || *number < 900 || *number > kMostRoleSeconds)
      return aws_trouble(quoted_profile(name) + " has duration_seconds that are not from 900 to 43200");
    role.seconds = static_cast<unsigned>(*number);
  }
  return role;
}

// The user's own key in a profile.
Result<AwsSource> keys_of(const AwsProfile& profile, std::string_view name) {
  AwsSource source;
  source.kind = AwsSource::Kind::keys;
  source.keys = {value_of(profile, "aws_access_key_id"), value_of(profile, "aws_secret_access_key"),
                 value_of(profile, "aws_session_token"), std::nullopt};
  if (!well_formed(source.keys)) return aws_trouble(quoted_profile(name) + " has half a key: an id or a secret is missing");
  return source;
}

Result<AwsSource> named_source(std::string_view word, std::string_view name) {
  AwsSource source;
  if (word == "Environment") source.kind = AwsSource::Kind::environment;
  else if (word == "EcsContainer") source.kind = AwsSource::Kind::container;
  else if (word == "Ec2InstanceMetadata") source.kind = AwsSource::Kind::instance;
  else
    return aws_trouble(quoted_profile(name) +
                       " has a credential_source that is not one of Environment, EcsContainer, "
                       "Ec2InstanceMetadata");
  return source;
}

class ProfileReader {
 public:
  explicit ProfileReader(const AwsProfiles& profiles) : profiles_(profiles) {}

  Result<AwsSource> read(std::string_view name) {
    const auto found = profiles_.find(name);
    if (found == profiles_.end()) return aws_trouble("there is no " + quoted_profile(name).substr(4));
    const AwsProfile& profile = found->second;
    const bool first_visit = std::find(visited_.begin(), visited_.end(), name) == visited_.end();
    visited_.emplace_back(name);
    // A profile may name itself as the source of its role: its keys are meant.
    if (!value_of(profile, "role_arn").empty() && first_visit) return read_role(profile, name);
    if (!value_of(profile, "aws_access_key_id").empty() || !value_of(profile, "aws_secret_access_key").empty())
      return keys_of(profile, name);
    if (!first_visit) return aws_trouble(quoted_profile(name) + " leads back to itself by source_profile");
    for (const char* key : {"credential_process", "sso_session", "sso_start_url", "sso_account_id", "login_session"}) {
      if (!value_of(profile, key).empty()) return aws_trouble(quoted_profile(name) + " uses " + key + ", which weir does not");
    }
    return AwsSource{};
  }

 private:
  Result<AwsSource> read_role(const AwsProfile& profile, std::string_view name) {
    auto role = role_of(profile, name);
    if (!role) return std::move(role).error();
    if (const auto token_file = value_of(profile, "web_identity_token_file"); !token_file.empty()) {
      AwsSource source;
      source.kind = AwsSource::Kind::web_identity;
      source.token_file = token_file;
      source.web_identity = *std::move(role);
      return source;
    }
    const auto source_profile = value_of(profile, "source_profile"), word = value_of(profile, "credential_source");
    if (source_profile.empty() == word.empty())
      return aws_trouble(quoted_profile(name) + " has a role_arn and needs one of source_profile and credential_source");
    if (visited_.size() > kMostRoles) return aws_trouble(quoted_profile(name) + " stands at the end of more than five roles");
    auto source = word.empty() ? read(source_profile) : named_source(word, name);
    if (!source) return source;
    if (source->kind == AwsSource::Kind::nothing)
      return aws_trouble(quoted_profile(source_profile) + " is the source of a role and has no credentials");
    source->roles.push_back(*std::move(role));
    return source;
  }

  const AwsProfiles& profiles_;
  std::vector<std::string> visited_;
};

}  // namespace

AwsProfiles parse_aws_profiles(std::string_view config, std::string_view credentials) {
  AwsProfiles profiles;
  read_profiles(config, true, profiles);
  read_profiles(credentials, false, profiles);
  return profiles;
}

Result<AwsSource> find_in_profiles(const AwsProfiles& profiles, std::string_view name) {
  return ProfileReader(profiles).read(name);
}

}  // namespace weir
