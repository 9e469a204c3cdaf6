#include "proxy/upstream/aws_environment.h"

#include <unistd.h>

#include "base/text.h"

namespace weir {

AwsEnvironment AwsEnvironment::of_process() {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** each = environ; each && *each; ++each) {
    const std::string_view variable = *each;
    const auto equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = variable.substr(0, equals);
    if (name.starts_with("AWS_") || name == "HOME") variables.emplace(name, variable.substr(equals + 1));
  }
  return AwsEnvironment(std::move(variables));
}

std::string AwsEnvironment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::string() : found->second;
}

bool AwsEnvironment::is_true(std::string_view name) const { return equal_ignoring_case(get(name), "true"); }

std::string AwsEnvironment::below_home(std::string_view file) const {
  const auto home = get("HOME");
  return home.empty() ? std::string() : home + "/.aws/" + std::string(file);
}

std::string AwsEnvironment::config_file() const {
  const auto named = get("AWS_CONFIG_FILE");
  return named.empty() ? below_home("config") : named;
}

std::string AwsEnvironment::credentials_file() const {
  const auto named = get("AWS_SHARED_CREDENTIALS_FILE");
  return named.empty() ? below_home("credentials") : named;
}

std::string AwsEnvironment::profile() const {
  const auto named = get("AWS_PROFILE");
  return named.empty() ? get("AWS_DEFAULT_PROFILE") : named;
}

std::string AwsEnvironment::region() const {
  const auto named = get("AWS_REGION");
  return named.empty() ? get("AWS_DEFAULT_REGION") : named;
}

}  // namespace weir
