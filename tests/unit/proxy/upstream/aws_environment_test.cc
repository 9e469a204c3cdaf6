#include "proxy/upstream/aws_environment.h"

#include <cstdlib>

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("the shared files are below the home, unless a variable names them") {
  const AwsEnvironment usual({{"HOME", "/home/site"}});
  CHECK(usual.config_file() == "/home/site/.aws/config");
  CHECK(usual.credentials_file() == "/home/site/.aws/credentials");
  const AwsEnvironment homeless({});
  CHECK(homeless.config_file().empty());
  CHECK(homeless.credentials_file().empty());
  const AwsEnvironment named({{"HOME", "/home/site"}, {"AWS_CONFIG_FILE", "/c"}, {"AWS_SHARED_CREDENTIALS_FILE", "/s"}});
  CHECK(named.config_file() == "/c");
  CHECK(named.credentials_file() == "/s");
}

TEST_CASE("profile and region have two names each, of which the first counts, and an empty variable is none") {
  const AwsEnvironment both(
      {{"AWS_PROFILE", "a"}, {"AWS_DEFAULT_PROFILE", "b"}, {"AWS_REGION", ""}, {"AWS_DEFAULT_REGION", "eu-west-1"}});
  CHECK(both.profile() == "a");
  CHECK(both.region() == "eu-west-1");
  CHECK(AwsEnvironment({}).profile().empty());
  CHECK(AwsEnvironment({{"X", "True"}}).is_true("X"));
  CHECK_FALSE(AwsEnvironment({{"X", "1"}}).is_true("X"));
}

TEST_CASE("of the process only what concerns Amazon is taken") {
  ::setenv("AWS_WEIR_TEST", "one=two", 1);
  ::setenv("WEIR_TEST_SECRET", "three", 1);
  const auto environment = AwsEnvironment::of_process();
  ::unsetenv("AWS_WEIR_TEST");
  ::unsetenv("WEIR_TEST_SECRET");
  CHECK(environment.get("AWS_WEIR_TEST") == "one=two");
  CHECK(environment.get("WEIR_TEST_SECRET").empty());
}
