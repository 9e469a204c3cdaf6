// Amazon's cloud for the real program: aws_service.h on a port of its own, whose tokens a scripted registry takes.
//
//   AwsDouble aws;
//   Scene scene({.upstream = aws.settings(), .environment = aws.environment_with_key()});
//   aws.guard(scene.upstream);
//
// Any thread may call any function.
#pragma once

#include <map>
#include <string>

#include "tests/support/aws_service.h"
#include "tests/support/scripted_upstream.h"

namespace weir::testing {

class AwsDouble {
 public:
  AwsDouble();
  ~AwsDouble();  // before the registry that it guards, or after it has stopped

  AwsService& service() { return service_; }
  ScriptedUpstream& server() { return server_; }

  // `auth = ecr` with its region and endpoints, as lines of a section.
  std::string settings() const;

  // Environments in which nothing of this machine is asked, each with one place where credentials are.
  std::map<std::string, std::string> environment(std::map<std::string, std::string> more) const;
  std::map<std::string, std::string> environment_with_key() const;
  std::map<std::string, std::string> environment_of_instance() const { return environment({}); }
  std::map<std::string, std::string> environment_of_container() const;
  std::map<std::string, std::string> environment_with_web_identity(const std::string& token_file) const;

  static const AwsKey& key();

  // From now on `registry` takes the last token that was given, and no other; one that expires is answered as ECR does, with 403.
  void guard(ScriptedUpstream& registry);

 private:
  AwsService service_;
  ScriptedUpstream server_;
};

}  // namespace weir::testing
