// Where AWS credentials come from: each of the places, their order, and what is said when there are none.
#include "proxy/upstream/aws_credential_chain.h"

#include "proxy/upstream/aws_container.h"
#include "proxy/upstream/aws_metadata.h"
#include "tests/unit/proxy/upstream/aws_server.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {
const AwsKey kKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};

AwsServer::Variables web_identity(const AwsServer& aws, const std::string& token = AwsService::kWebIdentity) {
  write_file(aws.scratch.file("token"), token + "\n");
  return {{"AWS_WEB_IDENTITY_TOKEN_FILE", aws.scratch.file("token")}, {"AWS_ROLE_ARN", AwsService::kRole}};
}

AwsServer::Variables container(const AwsServer& aws) {
  return {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.server.url(AwsService::kContainerPath)},
          {"AWS_CONTAINER_AUTHORIZATION_TOKEN", AwsService::kContainerToken}};
}
}  // namespace

TEST_CASE("a key in the environment is taken as it stands, and nobody is asked") {
  AwsServer aws;
  aws.write_profiles("", "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n");
  const auto found = aws.find(AwsServer::key({"AKIDENV", "secret", "session"}));
  REQUIRE(found);
  CHECK(found->key_id == "AKIDENV");
  CHECK(found->secret == "secret");
  CHECK(found->session_token == "session");
  CHECK_FALSE(found->expires_at);
  CHECK(aws.server.requests().empty());
}

TEST_CASE("half a key in the environment is a mistake, and not passed over") {
  AwsServer aws;
  CHECK(aws.failure({{"AWS_ACCESS_KEY_ID", "AKID"}}).find("make no key") != std::string::npos);
  CHECK(aws.failure({{"AWS_SECRET_ACCESS_KEY", "s"}}).find("make no key") != std::string::npos);
  CHECK(aws.failure(AwsServer::key({"AKID", "with a blank", ""})).find("with a blank") == std::string::npos);
  CHECK(aws.server.requests().empty());
}

TEST_CASE("a key in the shared files is taken by profile, and one that is named must be there") {
  AwsServer aws;
  aws.write_profiles("[profile team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = t\n",
                     "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = d\n");
  CHECK(aws.find()->key_id == "AKIDDEFAULT");
  CHECK(aws.find({{"AWS_PROFILE", "team"}})->key_id == "AKIDTEAM");
  CHECK(aws.failure({{"AWS_PROFILE", "other"}}) == "there is no AWS profile \"other\"");
  write_file(aws.scratch.file("elsewhere"), "[default]\naws_access_key_id = AKIDELSE\naws_secret_access_key = e\n");
  CHECK(aws.find({{"AWS_SHARED_CREDENTIALS_FILE", aws.scratch.file("elsewhere")}})->key_id == "AKIDELSE");
}

TEST_CASE("files are read each time, so a key that is replaced is found") {
  AwsServer aws;
  const auto chain = aws.chain();
  for (const std::string id : {"AKIDONE", "AKIDTWO"}) {
    aws.write_profiles("", "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = s\n");
    CHECK(aws.asking.thread().run([&] { return chain.find(aws.asking.context()); })->key_id == id);
  }
}

TEST_CASE("a web identity is exchanged for the role's credentials, unsigned") {
  AwsServer aws;
  const auto found = aws.find(web_identity(aws));
  REQUIRE(found);
  CHECK(found->key_id == "ASIA1");
  CHECK(found->session_token == "session/1+token==");
  CHECK(found->expires_at.value_or(0) > ::time(nullptr) + 3500);
  REQUIRE(aws.server.requests().size() == 1);
  CHECK(aws.server.requests()[0].header("Authorization").empty());
}

TEST_CASE("a web identity that is refused is said by its code, never with the token") {
  AwsServer aws;
  const auto what = aws.failure(web_identity(aws, "wrong.token"));
  CHECK(what == "STS refused AssumeRoleWithWebIdentity: InvalidIdentityToken");
  auto no_role = web_identity(aws);
  no_role.erase("AWS_ROLE_ARN");
  CHECK(aws.failure(no_role) == "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
  CHECK(aws.failure({{"AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such"}, {"AWS_ROLE_ARN", "r"}}).find("/no/such") != std::string::npos);
  CHECK(aws.service.asked("metadata") == 0);
}

TEST_CASE("a role of a profile is assumed with the credentials of its source, signed") {
  AwsServer aws;
  aws.service.add_key(kKey);
  aws.service.require_external_id("guest & co");
  aws.write_profiles("[default]\nrole_arn = " + std::string(AwsService::kRole) +
                         "\nsource_profile = base\nexternal_id = guest & co\nduration_seconds = 900\n",
                     "[base]\naws_access_key_id = " + kKey.id + "\naws_secret_access_key = " + kKey.secret + "\n");
  const auto found = aws.find();
  REQUIRE_MESSAGE(found, (found ? "" : found.error().what + ": " + aws.service.last_refusal()));
  CHECK(found->key_id == "ASIA1");
  CHECK(aws.server.requests().at(0).body.find("DurationSeconds=900") != std::string::npos);
}

TEST_CASE("roles are assumed one after the other, each with the credentials of the one before") {
  AwsServer aws;
  aws.service.add_key(kKey);
  const std::string role = AwsService::kRole;
  aws.write_profiles("[default]\nrole_arn = " + role + "\nsource_profile = middle\n[profile middle]\nrole_arn = " + role +
                         "\nsource_profile = base\n",
                     "[base]\naws_access_key_id = " + kKey.id + "\naws_secret_access_key = " + kKey.secret + "\n");
  const auto found = aws.find();
  REQUIRE(found);
  CHECK(found->key_id == "ASIA2");
  CHECK(aws.server.requests().at(1).header("X-Amz-Security-Token") == "session/1+token==");
}

TEST_CASE("a role may take its first credentials from the container or the instance") {
  AwsServer aws;
  aws.write_profiles("[default]\nrole_arn = " + std::string(AwsService::kRole) + "\ncredential_source = EcsContainer\n");
  CHECK(aws.find(container(aws))->key_id == "ASIA2");
  CHECK(aws.failure().find("EcsContainer, and no variable says where") != std::string::npos);
  aws.write_profiles("[default]\nrole_arn = " + std::string(AwsService::kRole) + "\ncredential_source = Ec2InstanceMetadata\n");
  CHECK(aws.find()->key_id == "ASIA4");
  aws.write_profiles("[default]\nrole_arn = " + std::string(AwsService::kRole) + "\ncredential_source = Environment\n");
  CHECK(aws.failure().find("Environment, which has no key") != std::string::npos);
}

TEST_CASE("a role in the profile comes before a web identity, and that before the profile's key") {
  AwsServer aws;
  aws.service.add_key(kKey);
  const std::string keys = "[default]\naws_access_key_id = " + kKey.id + "\naws_secret_access_key = " + kKey.secret + "\n";
  aws.write_profiles("", keys);
  CHECK(aws.find(web_identity(aws))->key_id == "ASIA1");
  CHECK(aws.service.asked("AssumeRoleWithWebIdentity") == 1);
  aws.write_profiles("[default]\nrole_arn = " + std::string(AwsService::kRole) + "\nsource_profile = default\n", keys);
  CHECK(aws.find(web_identity(aws))->key_id == "ASIA2");
  CHECK(aws.service.asked("AssumeRole") == 1);
}

TEST_CASE("a container's credentials come with its token, which a file may hold, read each time") {
  AwsServer aws;
  CHECK(aws.find(container(aws))->key_id == "ASIA1");
  auto from_file = container(aws);
  from_file["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "not this one";
  from_file["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = aws.scratch.file("authorization");
  write_file(aws.scratch.file("authorization"), std::string(AwsService::kContainerToken) + "\n");
  CHECK(aws.find(from_file)->key_id == "ASIA2");
  write_file(aws.scratch.file("authorization"), "one\r\nHost: two\n");
  CHECK(aws.failure(from_file) == "the container's authorization token is no header's value");
  write_file(aws.scratch.file("authorization"), "wrong");
  CHECK(aws.failure(from_file) == "the container's credentials were answered with 401");
  CHECK(aws.service.asked("metadata") == 0);
}

TEST_CASE("a container's credentials are asked for in the clear on this machine and at Amazon's agents alone") {
  const auto url = [](const std::string& name, const std::string& text) -> std::string {
    const auto result = container_credentials_url(AwsEnvironment({{name, text}}));
    return !result ? "refused" : result->value_or("none");
  };
  const std::string full = "AWS_CONTAINER_CREDENTIALS_FULL_URI", relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  for (const std::string good : {"http://127.0.0.1:80/x", "http://127.9.9.9/", "http://localhost/x", "http://[::1]/x",
                                 "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1",
                                 "http://[fd00:ec2:0:0::23]/v1", "https://example.com/x"}) {
    CHECK_MESSAGE(url(full, good).starts_with("http"), good);
  }
  for (const std::string bad : {"http://example.com/", "http://169.254.169.254/", "http://10.0.0.1/",
                                "http://127.0.0.1.example.com/", "http://[fd00:ec2::24]/", "ftp://127.0.0.1/",
                                "file:///etc/passwd", "http://user@127.0.0.1/", "http://0.0.0.0/", "http://2130706433/", "x"}) {
    CHECK_MESSAGE(url(full, bad) == "refused", bad);
  }
  CHECK(url(relative, "/v2/credentials/id") == "http://169.254.170.2/v2/credentials/id");
  CHECK(url(relative, ".example.com/x") == "refused");
  CHECK(url(relative, "@example.com/x") == "refused");
  CHECK(url("AWS_REGION", "x") == "none");
}

TEST_CASE("an instance's role is read from its metadata with the token that a PUT brings") {
  AwsServer aws;
  const auto found = aws.find();
  REQUIRE(found);
  CHECK(found->key_id == "ASIA1");
  const auto seen = aws.server.requests();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].method == "PUT");
  CHECK(seen[0].header("X-aws-ec2-metadata-token-ttl-seconds") == "300");
  CHECK(seen[0].header("Content-Length") == "0");
  CHECK(seen[1].header("X-aws-ec2-metadata-token") == "metadata-0==");
}

TEST_CASE("without version 2 of the metadata, and without any, the sentence says so") {
  AwsServer aws;
  aws.service.fail("metadata", 403);
  CHECK(aws.failure() == "the instance metadata gave no token of version 2 (403)");
  CHECK(aws.failure({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"}}).find("no AWS credentials were found") == 0);
  CHECK(aws.failure({{"AWS_EC2_METADATA_DISABLED", "TRUE"}}).find("AWS_EC2_METADATA_DISABLED is set") != std::string::npos);
  CHECK(aws.failure({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "gopher://x"}}) ==
        "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https URL");
}

TEST_CASE("the metadata are at a fixed address, in IPv4 or IPv6, unless the environment says another") {
  CHECK(*metadata_url(AwsEnvironment({})) == "http://169.254.169.254");
  CHECK(*metadata_url(AwsEnvironment({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6"}})) == "http://[fd00:ec2::254]");
  CHECK(*metadata_url(AwsEnvironment({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://localhost:1338/"}})) ==
        "http://localhost:1338");
}

TEST_CASE("metadata and containers that answer nonsense give no credentials") {
  for (const std::string body :
       {"", "{}", "[]", "nonsense", R"({"AccessKeyId":"a"})", R"({"AccessKeyId":"a","SecretAccessKey":"b c"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"b\r\nX: y"})"}) {
    CHECK_MESSAGE(!parse_credentials_document(body), body);
  }
  const auto refused = parse_credentials_document(R"({"Code":"Assume\r\nRole"})");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "no AWS credentials were given: Assume??Role");
}
