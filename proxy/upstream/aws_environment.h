#pragma once
// AwsEnvironment: the variables by which Amazon's tools are told where credentials are (AWS SDKs and Tools Reference Guide,
// "Environment variables support"), as they stood when this was made.

#include <map>
#include <string>
#include <string_view>

namespace weir {

class AwsEnvironment {
 public:
  // AWS_* and HOME of this process. Thread: any, while nobody changes the environment.
  static AwsEnvironment of_process();
  explicit AwsEnvironment(std::map<std::string, std::string, std::less<>> variables) : variables_(std::move(variables)) {}

  // Empty when it is not set; an empty variable is none.
  std::string get(std::string_view name) const;
  bool is_true(std::string_view name) const;

  std::string config_file() const;       // AWS_CONFIG_FILE, else ~/.aws/config; empty when there is no home
  std::string credentials_file() const;  // AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials
  std::string profile() const;           // AWS_PROFILE, else AWS_DEFAULT_PROFILE; empty: none was named
  std::string region() const;            // AWS_REGION, else AWS_DEFAULT_REGION

 private:
  std::string below_home(std::string_view file) const;

  std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace weir
