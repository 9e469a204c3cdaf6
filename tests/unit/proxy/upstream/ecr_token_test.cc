// Tokens of Amazon ECR: signed for, kept for half their life, renewed beside who uses them.
#include "proxy/upstream/ecr_token.h"

#include "tests/unit/proxy/upstream/aws_server.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

const AwsKey kUserKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};

struct EcrScene : AwsServer {
  std::shared_ptr<EcrToken> token;

  explicit EcrScene(Variables variables = AwsServer::key(kUserKey), bool is_public = false) {
    service.add_key(kUserKey);
    EcrTokenOptions options;
    options.upstream = "test";
    options.is_public = is_public;
    options.account = is_public ? "" : "123456789012";
    options.region = is_public ? "us-east-1" : AwsService::kRegion;
    options.transfer = Asking::to(server.url("/"));
    token = std::make_shared<EcrToken>(clock, options, chain(std::move(variables)));
  }
  // The password in the token that get() brings, else what is wrong.
  std::string get() {
    const auto got = asking.thread().run([this] { return token->get(asking.context()); });
    return got ? *got : got.error().what;
  }
  std::string failure_of_get() {
    const auto got = asking.thread().run([this] { return token->get(asking.context()); });
    return got ? "nothing" : failure_name(got.error().failure);
  }
  bool settled() {
    return comes_true([this] { return asking.background() == 0; });
  }
};

std::string password(int number) { return to_base64("AWS:password-" + std::to_string(number)); }

}  // namespace

TEST_CASE("a token is asked for with a signature that Amazon takes, and kept") {
  EcrScene scene;
  CHECK_MESSAGE(scene.get() == password(1), scene.service.last_refusal());
  CHECK(scene.get() == password(1));
  CHECK(scene.service.asked("ecr") == 1);
  const auto seen = scene.server.requests().at(0);
  CHECK(seen.body == R"({"registryIds":["123456789012"]})");
  CHECK(seen.header("X-Amz-Security-Token").empty());
  CHECK(scene.asking.meter().total(Metric::token_fetches, "test,ok") == 1);
}

TEST_CASE("credentials that expire are signed with, and their session's token is sent") {
  EcrScene scene(AwsServer::Variables{});
  CHECK_MESSAGE(scene.get() == password(1), scene.service.last_refusal());
  CHECK(scene.service.asked("metadata") == 3);
  CHECK(scene.server.requests().back().header("X-Amz-Security-Token") == "session/1+token==");
}

TEST_CASE("the public registry's token comes from its own service, in us-east-1") {
  EcrScene scene(AwsServer::key(kUserKey), true);
  CHECK_MESSAGE(scene.get() == password(1), scene.service.last_refusal());
  CHECK(scene.service.asked("ecr-public") == 1);
  CHECK(scene.server.requests().at(0).body == "{}");
}

TEST_CASE("however many want a token at once, Amazon is asked once") {
  EcrScene scene;
  std::vector<std::future<Result<std::string>>> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(scene.asking.thread().start([&] { return scene.token->get(scene.asking.context()); }));
  for (auto& each : all) CHECK(*take(each) == password(1));
  CHECK(scene.service.asked("ecr") == 1);
}

TEST_CASE("from half its life on a token serves while another is fetched") {
  EcrScene scene;
  CHECK(scene.get() == password(1));
  scene.clock.advance(std::chrono::hours(6) - Seconds(5));
  CHECK(scene.get() == password(1));
  CHECK(scene.settled());
  CHECK(scene.service.given() == 1);
  scene.clock.advance(Seconds(10));
  CHECK(scene.get() == password(1));
  CHECK(comes_true([&] { return scene.service.given() == 2; }));
  CHECK(scene.settled());
  CHECK(scene.get() == password(2));
}

TEST_CASE("a token that is over is waited for") {
  EcrScene scene;
  CHECK(scene.get() == password(1));
  scene.clock.advance(std::chrono::hours(12));
  CHECK(scene.get() == password(2));
}

TEST_CASE("while Amazon fails the old token serves on, and Amazon is left alone in between") {
  EcrScene scene;
  CHECK(scene.get() == password(1));
  scene.service.fail("ecr", 500);
  scene.clock.advance(std::chrono::hours(7));
  for (int i = 0; i < 5; ++i) {
    CHECK(scene.get() == password(1));
    CHECK(scene.settled());
  }
  CHECK(scene.service.asked("ecr") == 2);
  scene.clock.advance(Seconds(1));
  CHECK(scene.get() == password(1));
  CHECK(scene.settled());
  CHECK(scene.service.asked("ecr") == 3);
  scene.clock.advance(std::chrono::hours(6));
  CHECK(scene.get() == "ECR refused GetAuthorizationToken: ServerException");
  CHECK(scene.get() == "ECR refused GetAuthorizationToken: ServerException");
  CHECK(scene.service.asked("ecr") == 4);
  scene.service.fail("ecr", 0);
  scene.clock.advance(Seconds(30));
  CHECK(scene.get() == password(2));
}

TEST_CASE("a token that the registry refuses is replaced, unless it has been already") {
  EcrScene scene;
  CHECK(scene.get() == password(1));
  scene.token->refused(password(1));
  CHECK(scene.get() == password(2));
  scene.token->refused(password(1));
  CHECK(scene.get() == password(2));
}

TEST_CASE("credentials of a role are kept for half their life, not longer") {
  EcrScene scene(AwsServer::Variables{});
  CHECK(scene.get() == password(1));
  scene.token->refused(password(1));
  scene.clock.advance(std::chrono::minutes(20));
  CHECK(scene.get() == password(2));
  CHECK(scene.service.asked("metadata") == 3);
  scene.token->refused(password(2));
  scene.clock.advance(std::chrono::minutes(11));
  CHECK(scene.get() == password(3));
  CHECK(scene.service.asked("metadata") == 6);
}

TEST_CASE("credentials that are good for a while still are used when no new ones are to be had") {
  EcrScene scene(AwsServer::Variables{});
  CHECK(scene.get() == password(1));
  scene.token->refused(password(1));
  scene.service.fail("metadata", 500);
  scene.clock.advance(std::chrono::minutes(40));
  CHECK(scene.get() == password(2));
  scene.token->refused(password(2));
  scene.clock.advance(std::chrono::minutes(30));
  CHECK(scene.get() == "the instance metadata gave no token of version 2 (500)");
}

TEST_CASE("credentials that were kept and are revoked are replaced once") {
  EcrScene scene(AwsServer::Variables{});
  CHECK(scene.get() == password(1));
  scene.token->refused(password(1));
  scene.service.revoke_keys();
  CHECK(scene.get() == password(2));
  CHECK(scene.service.asked("metadata") == 6);
}

TEST_CASE("a wrong secret, a foreign clock and a missing permission are told by their code, without the message") {
  EcrScene wrong(AwsServer::key({kUserKey.id, "not the secret", ""}));
  CHECK(wrong.get().find("make no key") != std::string::npos);
  EcrScene other(AwsServer::key({kUserKey.id, "not-the-secret", ""}));
  CHECK(other.get() == "ECR refused GetAuthorizationToken: InvalidSignatureException");
  CHECK(other.service.last_refusal() == "signature does not match");
  EcrScene late;
  late.service.set_skew(400);
  CHECK(late.failure_of_get() == "refused");
  CHECK(late.service.last_refusal() == "signature expired");
  EcrScene denied;
  denied.service.fail("ecr", 400, "AccessDeniedException");
  CHECK(denied.get() == "ECR refused GetAuthorizationToken: AccessDeniedException");
  EcrScene throttled;
  throttled.service.fail("ecr", 400, "ThrottlingException");
  CHECK(throttled.failure_of_get() == "throttled");
}

TEST_CASE("an answer without a token is no answer") {
  for (const std::string body : {"", "{}", R"({"authorizationData":[]})", R"({"authorizationData":[{"authorizationToken":"QQ=="}]})",
                                 R"({"authorizationData":[{"authorizationToken":"a b","expiresAt":1}]})",
                                 R"({"authorizationData":{"authorizationToken":"","expiresAt":1}})",
                                 R"({"authorizationData":[{"authorizationToken":"QQ==","expiresAt":"soon"}]})",
                                 R"({"authorizationData":[{"authorizationToken":"QQ==","expiresAt":1e300}]})"}) {
    EcrScene scene;
    TinyServer odd([&body](const TinyServer::Request&, TinyServer::Peer& peer) { return peer.send(reply(200, body)); });
    EcrTokenOptions options;
    options.region = "r";
    options.transfer = Asking::to(odd.url("/"));
    scene.token = std::make_shared<EcrToken>(scene.clock, options, scene.chain(AwsServer::key(kUserKey)));
    CHECK_MESSAGE(scene.failure_of_get() == "corrupt", body);
  }
}
