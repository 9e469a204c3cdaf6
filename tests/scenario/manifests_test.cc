// Manifests: replayed byte for byte, in every type and digest, and only when they are what they claim to be.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
constexpr char kDockerList[] = "application/vnd.docker.distribution.manifest.list.v2+json";

Image two_platforms(Format format, Algorithm algorithm = Algorithm::sha256) {
  auto amd64 = make_image({.format = format, .layers = {"amd64"}, .algorithm = algorithm});
  auto arm64 = make_image(
      {.format = format, .platform = {.architecture = "arm64", .variant = "v8"}, .layers = {"arm64"}, .algorithm = algorithm});
  return make_index({.format = format, .children = {amd64, arm64}, .algorithm = algorithm});
}

// A scene with one image, whose manifest the upstream spoils by `action`.
struct Spoilt : Scene {
  explicit Spoilt(Action action, std::uint64_t times = kAlways) {
    image.put(upstream.registry(), "app", "latest");
    upstream.add_rule({.path = "/manifests/", .times = times, .action = std::move(action)});
  }

  // By tag and by digest it is 502 and nothing of it stays; when the upstream is itself again so are we.
  void is_refused() {
    for (const auto& reference : {std::string("latest"), image.digest()}) {
      auto response = get(manifest_path("app", reference));
      CHECK(response.status == 502);
      CHECK(error_code(response) != "");
      CHECK(response.body.find(image.config_digest()) == response.body.npos);
    }
    CHECK(weir.metric("weir_cache_blobs") == 0);
    CHECK(stored("blobs").empty());
    recovers();
  }
  void recovers() {
    upstream.clear_rules();
    CHECK(get(manifest_path("app", "latest")).digest == image.digest());
    CHECK(get(manifest_path("app", image.digest())).digest == image.digest());
  }

  Image image = make_image({.layers = {"one"}});
};

}  // namespace

TEST_CASE("an index is replayed byte for byte, though none of its children was ever fetched (pain 14)") {
  for (auto format : {Format::oci, Format::docker}) {
    Scene scene;
    auto index = two_platforms(format);
    index.put(scene.upstream.registry(), "app", "latest");
    for (int turn = 0; turn < 2; ++turn) {
      auto response = scene.get(manifest_path("app", "latest"));
      CHECK(response.status == 200);
      CHECK(response.body == index.bytes());
      CHECK(response.headers.value("Content-Type") == index.media_type());
      CHECK(response.headers.value("Docker-Content-Digest") == index.digest());
      CHECK(response.headers.value("X-Cache") == (turn == 0 ? "miss" : "hit"));
      CHECK(response.headers.value("Docker-Distribution-Api-Version") == "registry/2.0");
    }
    CHECK(scene.upstream.journal().count() == 1);
  }
}

TEST_CASE("a manifest with odd whitespace and unknown members keeps every byte (pain 14)") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  Manifest odd{image.media_type(),
               "\n  " + image.bytes().substr(0, 1) + " \"x-odd\" : [ 1.50e3, null ],\r\n" + image.bytes().substr(1) + "\n\n"};
  auto digest = scene.upstream.registry().put_manifest("app", odd, "odd");
  for (const auto& reference : {std::string("odd"), digest, digest}) {
    CHECK(scene.get(manifest_path("app", reference)).body == odd.bytes);
  }
}

TEST_CASE("children of an index are fetched on demand, each once (pain 14)") {
  Scene scene;
  auto index = two_platforms(Format::oci);
  index.put(scene.upstream.registry(), "app", "latest");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  for (const auto& child : index.children()) {
    CHECK(scene.gets(manifest_path("app", child.digest())) == 0);
    for (int turn = 0; turn < 2; ++turn) {
      auto response = scene.get(manifest_path("app", child.digest()));
      CHECK(response.body == child.bytes());
      CHECK(response.headers.value("Content-Type") == kOciManifest);
    }
    CHECK(scene.gets(manifest_path("app", child.digest())) == 1);
    CHECK(scene.get(blob_path("app", child.config_digest())).digest == child.config_digest());
  }
}

TEST_CASE("docker's types and the specification's are served under their own names") {
  Scene scene;
  auto check = [&](const Image& image, const std::string& tag, const std::string& type) {
    image.put(scene.upstream.registry(), "app", tag);
    auto response = scene.get(manifest_path("app", tag), {{"Accept", type}});
    CHECK(response.status == 200);
    CHECK(response.headers.value("Content-Type") == type);
    CHECK(response.body == image.bytes());
  };
  check(make_image({.layers = {"a"}}), "a", kOciManifest);
  check(make_image({.format = Format::docker, .layers = {"b"}}), "b", kDockerManifest);
  check(two_platforms(Format::oci), "c", kOciIndex);
  check(two_platforms(Format::docker), "d", kDockerList);
}

TEST_CASE("an image under sha512 is pulled from its tag to its last layer") {
  Scene scene;
  auto index = two_platforms(Format::oci, Algorithm::sha512);
  index.put(scene.upstream.registry(), "app", "latest");
  auto by_tag = scene.get(manifest_path("app", "latest"));
  CHECK(by_tag.headers.value("Docker-Content-Digest") == index.digest());
  const auto& child = index.children()[0];
  CHECK(scene.get(manifest_path("app", child.digest())).body == child.bytes());
  auto layer = scene.get(blob_path("app", child.layer_digest(0)));
  CHECK(layer.body == "amd64");
  CHECK(layer.headers.value("Docker-Content-Digest") == child.layer_digest(0));
  CHECK(scene.get(manifest_path("app", index.digest())).headers.value("X-Cache") == "hit");
}

TEST_CASE("an artifact with a subject is pulled like an image") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  auto signature = make_artifact({.blobs = {"signature"}, .subject = image.descriptor()});
  image.put(scene.upstream.registry(), "app", "latest");
  signature.put(scene.upstream.registry(), "app", "sha256-signature");
  CHECK(scene.get(manifest_path("app", "sha256-signature")).body == signature.bytes());
  CHECK(scene.get(blob_path("app", signature.layer_digest(0))).body == "signature");
}

TEST_CASE("six Accept lines are one list, and a type in none of them is 404") {
  Scene scene;
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  auto path = manifest_path("app", "latest");
  Headers six{{"Accept", "application/vnd.docker.distribution.manifest.v1+json"},
              {"Accept", kDockerList},
              {"Accept", kDockerManifest},
              {"Accept", "text/html;q=0.5"},
              {"Accept", kOciIndex},
              {"Accept", kOciManifest}};
  CHECK(scene.get(path, six).status == 200);
  Headers five(six);
  five.remove("Accept");
  five.add("Accept", kDockerList);
  five.add("Accept", std::string(kOciIndex) + ", " + kDockerManifest);
  auto refused = scene.get(path, five);
  CHECK(refused.status == 404);
  CHECK(error_code(refused) == "MANIFEST_UNKNOWN");
  CHECK(scene.get(path, {{"Accept", "*/*"}}).status == 200);
  CHECK(scene.get(path, {{"Accept", "application/*;q=0.1"}}).status == 200);
  CHECK(scene.get(path, {{"Accept", std::string(kOciManifest) + ";q=0"}}).status == 404);
  CHECK(scene.get(path).status == 200);
  // What the client accepts is no reason to ask the upstream again.
  CHECK(scene.upstream.journal().count() == 1);
}

TEST_CASE("the upstream is asked for every kind of manifest, whatever the first client accepts") {
  Scene scene;
  two_platforms(Format::oci).put(scene.upstream.registry(), "app", "latest");
  CHECK(scene.get(manifest_path("app", "latest"), {{"Accept", kDockerManifest}}).status == 404);
  CHECK(scene.get(manifest_path("app", "latest"), {{"Accept", kOciIndex}}).status == 200);
  auto asked = scene.upstream.journal().requests();
  REQUIRE(asked.size() == 1);
  for (const char* type : {kOciManifest, kOciIndex, kDockerManifest, kDockerList}) {
    CHECK(asked[0].headers.value("Accept").find(type) != std::string::npos);
  }
}

TEST_CASE("HEAD says what GET would, and If-None-Match spares the bytes") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "latest");
  for (const auto& reference : {std::string("latest"), image.digest()}) {
    HttpClient client(scene.weir.url());
    auto head = client.head(manifest_path("app", reference));
    CHECK(head.status == 200);
    CHECK(head.headers.value("Content-Length") == std::to_string(image.size()));
    CHECK(head.headers.value("Docker-Content-Digest") == image.digest());
    CHECK(head.headers.value("Content-Type") == image.media_type());
    auto tag = head.headers.value("ETag");
    CHECK(tag == "\"" + image.digest() + "\"");
    for (const auto& match : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
      auto unchanged = client.get(manifest_path("app", reference), {{"If-None-Match", match}});
      CHECK(unchanged.status == 304);
      CHECK(unchanged.length == 0);
      CHECK(unchanged.headers.value("ETag") == tag);
      CHECK(!unchanged.headers.has("Content-Length"));
    }
    CHECK(client.get(manifest_path("app", reference), {{"If-None-Match", "\"other\""}}).body == image.bytes());
  }
}

TEST_CASE("what is unknown is 404 and what cannot be is 400, in the specification's JSON") {
  Scene scene;
  make_image({.layers = {"one"}}).put(scene.upstream.registry(), "app", "latest");
  auto check = [&](const std::string& target, int status, const std::string& code) {
    auto response = scene.get(target);
    CHECK(response.status == status);
    CHECK(error_code(response) == code);
    CHECK(response.headers.value("Content-Type").starts_with("application/json"));
    CHECK(scene.head(target).status == status);
  };
  check(manifest_path("app", "none"), 404, "MANIFEST_UNKNOWN");
  check(manifest_path("app", digest_of("none")), 404, "MANIFEST_UNKNOWN");
  check(blob_path("app", digest_of("none")), 404, "BLOB_UNKNOWN");
  auto asked = scene.upstream.journal().count();
  check(manifest_path("app", "sha256:abc"), 400, "DIGEST_INVALID");
  check(manifest_path("app", "md5:d41d8cd98f00b204e9800998ecf8427e"), 400, "DIGEST_INVALID");
  check(blob_path("app", "sha256:" + std::string(64, 'A')), 400, "DIGEST_INVALID");
  check(blob_path("app", "latest"), 400, "DIGEST_INVALID");
  check(manifest_path("app", ".hidden"), 400, "TAG_INVALID");
  check(manifest_path("app", std::string(129, 'a')), 400, "TAG_INVALID");
  check(manifest_path("App", "latest"), 400, "NAME_INVALID");
  check(manifest_path("app//x", "latest"), 400, "NAME_INVALID");
  check(manifest_path("app/../other", "latest"), 400, "NAME_INVALID");
  check(manifest_path("app%2f..%2fother", "latest"), 400, "NAME_INVALID");
  CHECK(scene.upstream.journal().count() == asked);
}

TEST_CASE("a manifest of more than 4 MiB is refused, one of 4 MiB is not") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  auto padded = [&](std::uint64_t size) {
    return Manifest{image.media_type(), image.bytes() + std::string(size - image.size(), ' ')};
  };
  scene.upstream.registry().put_manifest("app", padded(4 * kMiB), "most");
  auto digest = scene.upstream.registry().put_manifest("app", padded(4 * kMiB + 1), "more");
  CHECK(scene.get(manifest_path("app", "most")).length == 4 * kMiB);
  CHECK(scene.get(manifest_path("app", "more")).status == 502);
  CHECK(scene.get(manifest_path("app", digest)).status == 502);
  CHECK(scene.weir.metric("weir_cache_blobs") == 1);
}

TEST_CASE("a manifest under a media type that is none is refused and not kept") {
  for (const char* type : {"text/html", "application/json", "application/vnd.docker.distribution.manifest.v1+prettyjws"}) {
    Spoilt(with_header("Content-Type", type)).is_refused();
  }
}

TEST_CASE("a manifest that says it is another type than it was sent as is refused") {
  Spoilt(with_header("Content-Type", kDockerManifest)).is_refused();
}

TEST_CASE("a manifest whose digest is not the one the upstream names is refused and never kept") {
  Spoilt scene(with_header("Docker-Content-Digest", digest_of("other")));
  CHECK(scene.get(manifest_path("app", "latest")).status == 502);
  CHECK(scene.weir.metric("weir_cache_blobs") == 0);
  scene.recovers();
}

TEST_CASE("bytes that are not those of the digest that was asked for are refused and never kept (pain 24)") {
  auto other = make_image({.layers = {"two"}});
  Spoilt scene(answer(200, other.bytes(), {{"Content-Type", other.media_type()}}));
  CHECK(scene.get(manifest_path("app", scene.image.digest())).status == 502);
  CHECK(scene.weir.metric("weir_cache_blobs") == 0);
  scene.recovers();
}

TEST_CASE("a manifest with a flipped byte is refused") { Spoilt(corrupted_at(10)).is_refused(); }

TEST_CASE("a manifest with Content-Encoding is refused (pain 24)") {
  Spoilt(with_header("Content-Encoding", "gzip")).is_refused();
}

TEST_CASE("a manifest that breaks off is refused, and is not taken for the whole") { Spoilt(truncated_after(50)).is_refused(); }

TEST_CASE("what is no JSON, or JSON that is no manifest, is refused") {
  for (const char* body : {"<html>login</html>", "[]", "{}", "{\"schemaVersion\":2,\"manifests\":{}}", ""}) {
    Spoilt(answer(200, body, {{"Content-Type", kOciManifest}})).is_refused();
  }
}

TEST_CASE("an upstream that names no digest is hashed") {
  Spoilt scene(without_header("Docker-Content-Digest"));
  auto response = scene.get(manifest_path("app", "latest"));
  CHECK(response.body == scene.image.bytes());
  CHECK(response.headers.value("Docker-Content-Digest") == scene.image.digest());
  CHECK(scene.get(manifest_path("app", scene.image.digest())).headers.value("X-Cache") == "hit");
}

TEST_CASE("many clients that ask for one cold manifest make one upstream request (pain 1)") {
  for (bool by_tag : {true, false}) {
    Scene scene;
    auto image = make_image({.layers = {"one"}});
    image.put(scene.upstream.registry(), "app", "latest");
    auto path = manifest_path("app", by_tag ? "latest" : image.digest());
    auto gate = scene.upstream.hold(exactly(path));
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int i = 0; i < 30; ++i) {
      auto& client = clients.emplace_back(std::make_unique<HttpClient>(scene.weir.url()));
      REQUIRE(client->send_request("GET", path));
    }
    REQUIRE(gate->wait_until_reached());
    CHECK_SOON(scene.weir.metric("weir_connections_active"), 30);
    gate->release();
    for (auto& client : clients) CHECK(client->read_response().body == image.bytes());
    CHECK(scene.upstream.journal().count() == 1);
    CHECK_SOON(scene.weir.metric("weir_requests_total", {{"outcome", "miss"}}), 1);
    CHECK_SOON(scene.weir.metric("weir_requests_total", {{"route", "manifest"}, {"code", "200"}}), 30);
  }
}

TEST_CASE("a pull asks the upstream for what it needs and for nothing else (pain 25)") {
  Scene scene;
  auto index = two_platforms(Format::oci);
  for (const char* tag : {"latest", "v1", "v2"}) index.put(scene.upstream.registry(), "app", tag);
  const auto& child = index.children()[0];
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(manifest_path("app", child.digest())).status == 200);
  CHECK(scene.get(blob_path("app", child.config_digest())).status == 200);
  CHECK(scene.get(blob_path("app", child.layer_digest(0))).status == 200);
  CHECK(scene.upstream.journal().count() == 4);
  CHECK(scene.upstream.journal().count("", "/tags/|_catalog|/referrers/") == 0);
}

}  // namespace weir::testing
