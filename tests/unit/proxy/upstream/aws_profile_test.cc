#include "proxy/upstream/aws_profile.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// The kind of source, its roles and its key in a word; else what is wrong.
std::string source_in(const std::string& config, const std::string& credentials, const std::string& name = "default") {
  const auto found = find_in_profiles(parse_aws_profiles(config, credentials), name);
  if (!found) return found.error().what;
  static constexpr const char* kKinds[] = {"nothing", "keys", "web identity", "environment", "container", "instance"};
  std::string text = kKinds[static_cast<int>(found->kind)];
  if (!found->keys.key_id.empty()) text += ' ' + found->keys.key_id;
  if (!found->token_file.empty()) text += ' ' + found->web_identity.arn + ' ' + found->token_file;
  for (const auto& role : found->roles) text += " -> " + role.arn;
  return text;
}

const std::string kBase = "[base]\naws_access_key_id = AK\naws_secret_access_key = s\n";

}  // namespace

TEST_CASE("profiles are read from both files, and what credentials says counts") {
  const auto profiles = parse_aws_profiles(
      "# comment\n[default]\nregion = eu-west-1 # where\noutput=json\r\n[profile  team one ]\nREGION = a;b\n"
      "s3 =\n  max_concurrent = 20\n[sso-session x]\nregion = z\n[profile \"quoted name\"]\nregion = q\n[team]\nregion = no\nno "
      "value\n",
      "region = nobody\n[default]\nregion = us-east-1\n[team]\naws_access_key_id = A\n[broken\nregion = x\n");
  CHECK(profiles.at("default").at("region") == "us-east-1");
  CHECK(profiles.at("default").at("output") == "json");
  CHECK(profiles.at("team one").at("region") == "a;b");
  CHECK(profiles.at("team one").at("s3").empty());
  CHECK_FALSE(profiles.at("team one").contains("max_concurrent"));
  CHECK(profiles.at("quoted name").at("region") == "q");
  CHECK(profiles.at("team").size() == 1);
  CHECK_FALSE(profiles.contains("x"));
}

TEST_CASE("a profile says where its credentials come from") {
  CHECK(source_in("", "[default]\naws_access_key_id=AK\naws_secret_access_key=s\naws_session_token=t\n") == "keys AK");
  CHECK(source_in("[default]\nregion = eu-west-1\n", "") == "nothing");
  CHECK(source_in("[default]\nrole_arn = r\nsource_profile = base\n", kBase) == "keys AK -> r");
  CHECK(source_in("[default]\nrole_arn = r\nsource_profile = m\n[profile m]\nrole_arn = q\nsource_profile = base\n", kBase) ==
        "keys AK -> q -> r");
  CHECK(source_in("[default]\nrole_arn = r\ncredential_source = EcsContainer\n", "") == "container -> r");
  CHECK(source_in("[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n", "") == "instance -> r");
  CHECK(source_in("[default]\nrole_arn = r\ncredential_source = Environment\n", "") == "environment -> r");
  CHECK(source_in("[default]\nrole_arn = r\nweb_identity_token_file = /t\n", "") == "web identity r /t");
  CHECK(source_in("[profile base]\nrole_arn = r\nsource_profile = base\n", kBase, "base") == "keys AK -> r");
}

TEST_CASE("what weir does not do is said in words, with the profile and the key") {
  const auto uses = [](const std::string& line) { return source_in("[default]\n" + line + "\n", kBase); };
  CHECK(uses("credential_process = /bin/x") == "the AWS profile \"default\" uses credential_process, which weir does not");
  CHECK(uses("sso_session = x") == "the AWS profile \"default\" uses sso_session, which weir does not");
  CHECK(uses("role_arn = r\nsource_profile = base\nmfa_serial = m").find("second factor") != std::string::npos);
}

TEST_CASE("a profile that leads nowhere is a mistake with its name") {
  const auto says = [](const std::string& config, const std::string& credentials = "") { return source_in(config, credentials); };
  CHECK(says("") == "there is no AWS profile \"default\"");
  CHECK(says("[default]\nrole_arn = r\n").find("needs one of source_profile and credential_source") != std::string::npos);
  CHECK(says("[default]\nrole_arn = r\nsource_profile = a\ncredential_source = Environment\n").find("needs one of") !=
        std::string::npos);
  CHECK(says("[default]\nrole_arn = r\nsource_profile = gone\n") == "there is no AWS profile \"gone\"");
  CHECK(says("[default]\nrole_arn = r\nsource_profile = a\n[profile a]\nregion = x\n").find("has no credentials") !=
        std::string::npos);
  CHECK(says("[default]\nrole_arn = r\ncredential_source = Moon\n").find("not one of Environment") != std::string::npos);
  CHECK(says("[default]\naws_access_key_id = AK\n").find("half a key") != std::string::npos);
  CHECK(says("[default]\nrole_arn = r\nsource_profile = base\nduration_seconds = 1\n", kBase).find("duration_seconds") !=
        std::string::npos);
  CHECK(source_in("", "", "a\nb\"c") == "there is no AWS profile \"a?b?c\"");
}

TEST_CASE("roles that lead in a circle, or for ever, end") {
  CHECK(source_in("[default]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = q\nsource_profile = default\n", "") ==
        "the AWS profile \"default\" leads back to itself by source_profile");
  std::string config = "[default]\nrole_arn = r\nsource_profile = p0\n";
  for (int i = 0; i < 10; ++i)
    config += "[profile p" + std::to_string(i) + "]\nrole_arn = r\nsource_profile = p" + std::to_string(i + 1) + "\n";
  CHECK(source_in(config, "").find("more than five roles") != std::string::npos);
}
