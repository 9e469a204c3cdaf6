// RegistryClient with auth = ecr: a registry that takes Amazon's tokens, and lets them expire.
#include "proxy/upstream/registry_client.h"

#include "tests/unit/proxy/upstream/aws_server.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const AwsKey kSiteKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
constexpr char kExpired[] =
    R"({"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]})";

struct EcrRegistry : AwsServer {
  std::mutex mutex;
  std::string good;              // guarded by mutex, as all below: the Basic credentials that the registry takes
  std::string refusal = reply(403, kExpired);
  std::string challenge;         // of a registry that wants bearer tokens
  TinyServer registry{[this](const TinyServer::Request& request, TinyServer::Peer& peer) {
    const auto authorization = request.header("Authorization");
    if (request.method == "POST") {  // Amazon's API, through the proxy that this server then is; it calls on_token
      auto asked = signed_request(request);
      asked.target = "/";
      const auto answer = service.answer(asked);
      return peer.send(reply(answer->status, answer->body));
    }
    std::lock_guard lock(mutex);
    if (request.target.find("/token") != std::string::npos)
      return peer.send(authorization == "Basic " + good ? reply(200, R"({"token":"bearer"})") : reply(401));
    if (!challenge.empty())
      return peer.send(authorization == "Bearer bearer" ? reply(200, "body")
                                                        : reply(401, "", "WWW-Authenticate: " + challenge + "\r\n"));
    return peer.send(authorization == "Basic " + good ? reply(200, "body") : refusal);
  }};
  std::shared_ptr<RegistryClient> client;

  explicit EcrRegistry(std::function<void(UpstreamOptions&)> change = {}) {
    service.add_key(kSiteKey);
    service.on_token([this](const std::string& password) {
      std::lock_guard lock(mutex);
      good = to_base64("AWS:" + password);
    });
    UpstreamOptions options;
    options.name = "test";
    options.urls = {registry.url()};
    options.auth = UpstreamAuth::ecr;
    options.region = AwsService::kRegion;
    options.ecr_endpoint = server.url();
    options.sts_endpoint = server.url();
    if (change) change(options);
    auto made = RegistryClient::make(clock, options, {}, environment(AwsServer::key(kSiteKey)));
    REQUIRE(made);
    client = *made;
  }
  Fetched ask() { return asking.ask_all(*client, manifest_of("team/app")); }
  void refuse_with(const std::string& answer) {
    std::lock_guard lock(mutex);
    refusal = answer;
  }
  void expire() {
    std::lock_guard lock(mutex);
    good = "nothing";
  }
};

}  // namespace

TEST_CASE("nothing is asked of Amazon before the first request, and one token serves all that follow") {
  EcrRegistry ecr;
  CHECK(ecr.server.requests().empty());
  CHECK(ecr.ask().body == "body");
  CHECK(ecr.ask().body == "body");
  CHECK(ecr.service.given() == 1);
  CHECK(ecr.registry.requests().size() == 2);
}

TEST_CASE("a token that expires before its time is replaced once and the request repeated") {
  const std::string refusals[] = {reply(403, kExpired), reply(401, "no", "WWW-Authenticate: Basic realm=\"x\"\r\n"),
                                  reply(403, "Your Authorization Token has expired. Please run 'aws ecr get-login'"),
                                  "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "21\r\nYour Authorization Token has expi\r\n3\r\nred\r\n0\r\n\r\n"};
  for (const auto& refusal : refusals) {
    EcrRegistry ecr;
    ecr.refuse_with(refusal);
    CHECK(ecr.ask().body == "body");
    ecr.expire();
    CHECK_MESSAGE(ecr.ask().body == "body", refusal);
    CHECK(ecr.service.given() == 2);
    CHECK(ecr.registry.requests().size() == 3);
  }
}

TEST_CASE("a 403 that says anything else is a no, and no reason for another token") {
  EcrRegistry ecr;
  CHECK(ecr.ask().body == "body");
  ecr.expire();
  ecr.refuse_with(reply(403, R"({"errors":[{"code":"DENIED","message":"User is not authorized to perform ecr:BatchGetImage"}]})"));
  CHECK(ecr.ask().failed() == "denied");
  CHECK(ecr.service.given() == 1);
}

TEST_CASE("a fresh token that is refused is this site's to mend, and is not tried again at once") {
  EcrRegistry ecr;
  ecr.service.on_token({});
  CHECK(ecr.ask().failed() == "refused");
  CHECK(ecr.service.given() == 2);
  CHECK(ecr.ask().failed() == "refused");
  CHECK(ecr.registry.requests().size() == 2);
  ecr.clock.advance(Seconds(1));
  ecr.service.on_token([&ecr](const std::string& password) {
    std::lock_guard lock(ecr.mutex);
    ecr.good = to_base64("AWS:" + password);
  });
  CHECK(ecr.ask().body == "body");
}

TEST_CASE("without a token from Amazon the registry is not asked") {
  EcrRegistry ecr;
  ecr.service.revoke_keys();
  const auto refused = ecr.ask();
  CHECK(refused.failed() == "refused");
  CHECK(refused.what == "ECR refused GetAuthorizationToken: UnrecognizedClientException");
  CHECK(ecr.registry.requests().empty());
}

TEST_CASE("the token does not go where a redirect leads") {
  TinyServer store([](const TinyServer::Request&, TinyServer::Peer& peer) { return peer.send(reply(200, "stored")); });
  EcrRegistry ecr;
  CHECK(ecr.ask().body == "body");
  ecr.expire();
  ecr.refuse_with(reply(307, "", "Location: " + store.url("/object?X-Amz-Signature=1") + "\r\n"));
  CHECK(ecr.ask().body == "stored");
  CHECK(store.requests().at(0).header("Authorization").empty());
  CHECK(store.requests().at(0).head.find(ecr.service.last_token()) == std::string::npos);
}

TEST_CASE("the public registry's realm takes the token as a password, by its name in us-east-1") {
  // The registry's name is only to be had through a proxy here, which is the registry itself.
  EcrRegistry ecr([](UpstreamOptions& options) {
    options.proxy = options.urls[0];
    options.urls = {"http://public.ecr.aws"};
    options.region.clear();
  });
  {
    std::lock_guard lock(ecr.mutex);
    ecr.challenge = "Bearer realm=\"http://public.ecr.aws/token/\",service=\"public.ecr.aws\",scope=\"aws\"";
  }
  const auto fetched = ecr.ask();
  CHECK_MESSAGE(fetched.body == "body", fetched.what);
  CHECK(ecr.service.asked("ecr-public") == 1);
  ecr.expire();  // the bearer token serves on
  CHECK(ecr.ask().body == "body");
  CHECK(ecr.service.given() == 1);
  for (const auto& request : ecr.registry.requests()) CHECK(request.method != "HEAD");
}

TEST_CASE("a registry without a region in its name needs one") {
  ManualClock clock;
  UpstreamOptions options;
  options.name = "test";
  options.urls = {"https://registry.example.com"};
  options.auth = UpstreamAuth::ecr;
  const auto made = RegistryClient::make(clock, options, {}, AwsEnvironment({}));
  REQUIRE_FALSE(made);
  CHECK(made.error().what == "upstream test has auth = ecr and no region");
  options.urls = {"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"};
  CHECK(RegistryClient::make(clock, options, {}, AwsEnvironment({})));
}
