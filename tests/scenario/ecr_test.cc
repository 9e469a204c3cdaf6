// Amazon ECR as an upstream: keys from every place, tokens that end in the middle of a pull, redirects to an object store.
#include "tests/scenario/scene.h"
#include "tests/support/aws_double.h"
#include "tests/support/temporary_directory.h"

namespace weir::testing {

namespace {

// A registry at ECR, with its layers in an object store of another origin.
struct EcrScene : AwsDouble, Scene {
  explicit EcrScene(const std::string& sections = "")
      : Scene({.upstream = settings(), .sections = sections, .environment = environment_with_key()}) {
    guard(upstream);
  }

  // Nothing that is a secret stands anywhere in what the program has written.
  void check_discretion() {
    for (const auto& secret : {key().secret, service().last_token(), std::string("session/"), std::string("secret/"),
                               std::string("password-"), std::string(AwsService::kWebIdentity)}) {
      CHECK_MESSAGE(weir.log().find(secret) == std::string::npos, secret);
    }
  }

  ScriptedUpstream store;
};

}  // namespace

TEST_CASE("a pull from ECR: nothing at the start, one token, layers from the object store without it") {
  EcrScene scene;
  CHECK(scene.server().journal().count() == 0);
  auto image = make_image({.layers = {Content::generated(kMiB, 1)}});
  image.put(scene.upstream.registry(), "team/app", "v1");
  const auto layer = blob_path("team/app", image.layer_digest(0));
  scene.store.registry().put_object(layer, Content::generated(kMiB, 1));
  scene.upstream.add_rule({.path = exactly(layer), .action = redirect(307, scene.store.url("{target}?X-Amz-Signature=1"))});
  CHECK(scene.get(manifest_path("team/app", "v1")).status == 200);
  CHECK(scene.get(layer, {}, Body::hash).digest == image.layer_digest(0));
  CHECK(scene.head(blob_path("team/app", image.layer_digest(0))).status == 200);
  CHECK(scene.service().given() == 1);
  CHECK_MESSAGE(scene.service().last_refusal().empty(), scene.service().last_refusal());
  for (const auto& request : scene.upstream.journal().requests()) {
    CHECK(request.headers.value("Authorization") == "Basic " + scene.service().last_token());
    CHECK((request.method == "GET" || request.target.find("/blobs/") == std::string::npos));
  }
  REQUIRE(scene.store.journal().count() == 1);
  CHECK(scene.store.journal().with_header("Authorization").empty());
  CHECK(scene.weir.metric("weir_upstream_token_requests_total", {{"upstream", "up"}, {"result", "ok"}}) == 1);
  scene.check_discretion();
}

TEST_CASE("a token that expires in the middle of a layer is replaced for the resumption, and the client notices nothing") {
  EcrScene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 500'000);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(500'001)});
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(wait_until([&] { return file_size(scene.partial_file(blob.digest)) == 500'000; }));
  scene.upstream.access().expire_password();
  gate->release();
  CHECK(client.read_response(Body::hash).digest == blob.digest);
  CHECK(scene.service().given() == 2);
  const std::string rest = "bytes=500001-";  // asked for with the old token, then with the new one
  CHECK(scene.ranges(blob.path) == std::vector<std::string>{"", rest, rest});
}

TEST_CASE("a token that expires between manifest and layers is replaced once, with 403 as with 401 (pain 19)") {
  for (int status : {403, 401}) {
    EcrScene scene;
    scene.upstream.access().answer_expired_with(status);
    auto image = make_image({.layers = {"one", "two", "three"}});
    image.put(scene.upstream.registry(), "app", "v1");
    CHECK(scene.get(manifest_path("app", "v1")).status == 200);
    scene.upstream.access().expire_password();
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(scene.get(blob_path("app", image.layer_digest(i))).digest == image.layer_digest(i));
    }
    CHECK(scene.service().given() == 2);
  }
}

TEST_CASE("credentials are found in each of the places where Amazon's tools look") {
  TemporaryDirectory directory;
  const auto token_file = directory.write("token", std::string(AwsService::kWebIdentity) + "\n");
  const std::string keys = "[base]\naws_access_key_id = " + AwsDouble::key().id +
                           "\naws_secret_access_key = " + AwsDouble::key().secret + "\n";
  const auto credentials = directory.write("credentials", keys);
  const auto config = directory.write("config", std::string("[profile puller]\nsource_profile = base\nrole_arn = ") +
                                                    AwsService::kRole + "\n");
  struct Place {
    const char* name;
    std::function<std::map<std::string, std::string>(const AwsDouble&)> environment;
    const char* asked;  // of the service besides the token
  };
  const Place places[] = {
      {"environment", [](const AwsDouble& aws) { return aws.environment_with_key(); }, ""},
      {"profile",
       [&](const AwsDouble& aws) {
         return aws.environment({{"AWS_SHARED_CREDENTIALS_FILE", credentials}, {"AWS_PROFILE", "base"}});
       },
       ""},
      {"role of a profile",
       [&](const AwsDouble& aws) {
         return aws.environment(
             {{"AWS_SHARED_CREDENTIALS_FILE", credentials}, {"AWS_CONFIG_FILE", config}, {"AWS_PROFILE", "puller"}});
       },
       "AssumeRole"},
      {"web identity", [&](const AwsDouble& aws) { return aws.environment_with_web_identity(token_file); },
       "AssumeRoleWithWebIdentity"},
      {"container", [](const AwsDouble& aws) { return aws.environment_of_container(); }, "container"},
      {"instance", [](const AwsDouble& aws) { return aws.environment_of_instance(); }, "metadata"},
  };
  for (const auto& place : places) {
    INFO(std::string(place.name));
    AwsDouble aws;
    Scene scene({.upstream = aws.settings(), .environment = place.environment(aws)});
    aws.guard(scene.upstream);
    auto blob = scene.put_blob(1000);
    const auto response = scene.get(blob.path);
    CHECK_MESSAGE(response.digest == blob.digest, response.body);
    if (*place.asked) CHECK(aws.service().asked(place.asked) > 0);
    for (const auto& secret : {AwsDouble::key().secret, aws.service().last_token(), std::string(AwsService::kWebIdentity)})
      CHECK(scene.weir.log().find(secret) == std::string::npos);
  }
}

TEST_CASE("a wrong secret is 502 with Amazon's code, is not tried over and over, and spoils no hit") {
  EcrScene scene;
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "v1");
  CHECK(scene.get(manifest_path("app", "v1")).status == 200);
  scene.upstream.access().expire_password();
  scene.service().revoke_keys();
  for (int i = 0; i < 10; ++i) {
    const auto response = scene.get(manifest_path("app", "t" + std::to_string(i)));
    CHECK(response.status == 502);
    CHECK(response.body.find("ECR refused GetAuthorizationToken: UnrecognizedClientException") != std::string::npos);
  }
  CHECK(scene.service().asked("ecr") <= 4);
  CHECK(scene.get(manifest_path("app", "v1")).headers.value("X-Cache") == "hit");
  scene.service().add_key(AwsDouble::key());
  CHECK(wait_until([&] { return scene.get(blob_path("app", image.layer_digest(0))).status == 200; }));
}

TEST_CASE("a signature that Amazon does not take is told, and its secrets are not") {
  AwsDouble aws;
  auto variables = aws.environment_with_key();
  variables["AWS_SECRET_ACCESS_KEY"] = "of-somebody-else";
  Scene scene({.upstream = aws.settings(), .environment = variables});
  aws.guard(scene.upstream);
  auto blob = scene.put_blob(1000);
  const auto response = scene.get(blob.path);
  CHECK(response.status == 502);
  CHECK(aws.service().last_refusal() == "signature does not match");
  CHECK(response.body.find("InvalidSignatureException") != std::string::npos);
  CHECK(response.body.find("a secret, maybe") == std::string::npos);
  CHECK(scene.upstream.journal().count() == 0);
  CHECK(scene.weir.log().find("of-somebody-else") == std::string::npos);
}

TEST_CASE("while Amazon's API is down the token that is held serves on, and without one a tag may be stale") {
  EcrScene scene("[cache]\ntag-ttl = 0\n");
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "v1");
  CHECK(scene.get(manifest_path("app", "v1")).status == 200);
  scene.server().stop();
  auto blob = scene.put_blob(1000);
  CHECK(scene.get(blob.path).digest == blob.digest);
  scene.upstream.access().expire_password();
  auto response = scene.get(manifest_path("app", "v1"));
  CHECK(response.status == 200);
  CHECK(response.headers.value("X-Cache") == "stale");
  scene.server().start();
  CHECK(wait_until([&] { return scene.get(manifest_path("app", "v1")).headers.value("X-Cache") == "hit"; }));
}

TEST_CASE("an end in the middle of asking for a token is an end") {
  EcrScene scene("[server]\ndrain-timeout = 300ms\n");
  auto blob = scene.put_blob(1000);
  auto gate = scene.server().hold("^/$", kBeforeHead, "POST");
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  CHECK(scene.weir.terminate() == 0);
  gate->release();
}

TEST_CASE("the registry's own refusals keep their meaning at ECR") {
  for (const auto& [answered, seen] : {std::pair(404, 404), std::pair(429, 429), std::pair(403, 403), std::pair(500, 502)}) {
    EcrScene scene;
    scene.upstream.add_rule(
        {.path = "/manifests/", .action = answer(answered, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}")});
    CHECK(scene.get(manifest_path("app", "v1")).status == seen);
    CHECK(scene.service().given() == 1);
  }
}

}  // namespace weir::testing
