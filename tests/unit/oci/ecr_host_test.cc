#include "oci/ecr_host.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("the name of a private registry says its account, its region and where its API is") {
  struct Named {
    const char *host, *region, *api;
  };
  const Named named[] = {
      {"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", "api.ecr.eu-west-1.amazonaws.com"},
      {"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "api.ecr.cn-north-1.amazonaws.com.cn"},
      {"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "ecr-fips.us-east-1.amazonaws.com"},
      {"123456789012.dkr-ecr.us-east-2.on.aws", "us-east-2", "ecr.us-east-2.api.aws"},
      {"123456789012.dkr-ecr-fips.us-east-2.on.aws", "us-east-2", "ecr-fips.us-east-2.api.aws"},
      {"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", "ecr.cn-north-1.api.amazonwebservices.com.cn"},
      {"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "api.ecr.us-iso-east-1.c2s.ic.gov"},
      {"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "api.ecr.eusc-de-east-1.amazonaws.eu"},
  };
  for (const auto& each : named) {
    INFO(each.host);
    const auto host = EcrHost::parse(each.host);
    REQUIRE(host);
    CHECK_FALSE(host->is_public);
    CHECK(host->account == "123456789012");
    CHECK(host->region == each.region);
    CHECK(host->api_host == each.api);
  }
}

TEST_CASE("the public registry has two names and one region") {
  for (const auto& [name, api] : {std::pair("public.ecr.aws", "api.ecr-public.us-east-1.amazonaws.com"),
                                  std::pair("ecr-public.aws.com", "ecr-public.us-east-1.api.aws")}) {
    const auto host = EcrHost::parse(name);
    REQUIRE(host);
    CHECK(host->is_public);
    CHECK(host->account.empty());
    CHECK(host->region == "us-east-1");
    CHECK(host->api_host == api);
  }
}

TEST_CASE("a name that only looks like one of Amazon's is none") {
  for (const char* host :
       {"", "docker.io", "ecr.aws", "a.public.ecr.aws", "public.ecr.aws.example.com",
        "12345678901.dkr.ecr.eu-west-1.amazonaws.com", "1234567890123.dkr.ecr.eu-west-1.amazonaws.com",
        "12345678901x.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com",
        "123456789012.dkr.ecr.eu-west-1.example.com", "123456789012.dkr.ecr.EU.amazonaws.com",
        "123456789012.dkr.ecr..amazonaws.com", "123456789012.dkr.ecr.amazonaws.com",
        "123456789012.dkr.ecrx.eu-west-1.amazonaws.com", "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.on.aws", "123456789012.ecr.eu-west-1.amazonaws.com.", "123456789012",
        "123456789012.dkr"}) {
    CHECK_MESSAGE(!EcrHost::parse(host), host);
  }
}

TEST_CASE("each partition has its domain, and a region is what a host name may hold") {
  CHECK(aws_domain("eu-central-1") == "amazonaws.com");
  CHECK(aws_domain("us-gov-west-1") == "amazonaws.com");
  CHECK(aws_domain("cn-northwest-1") == "amazonaws.com.cn");
  CHECK(aws_domain("us-isob-east-1") == "sc2s.sgov.gov");
  CHECK(aws_domain("us-iso-east-1") == "c2s.ic.gov");
  CHECK(valid_aws_region("ap-southeast-2"));
  for (const char* bad : {"", "-", "eu-", "-eu", "EU-WEST-1", "eu.west", "eu west", "eu/west", "eu:west"}) {
    CHECK_MESSAGE(!valid_aws_region(bad), bad);
  }
  CHECK_FALSE(valid_aws_region(std::string(65, 'a')));
}
