// A repository serves bytes that came through another one only when its own upstream has shown that it has them.
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kLarge = 300'000;  // compared in part
const std::string kPage = "<!doctype html><html><body>Please log in</body></html>";

// A private repository's blob is stored. No manifest of another repository refers to it.
struct Stored : Scene {
  explicit Stored(std::uint64_t size = kLarge) {
    blob = put_blob(size, 7, "private");
    REQUIRE(get(blob_path("private", blob.digest)).digest == blob.digest);
    CHECK_SOON(fills(), "ok 1");
    upstream.journal().clear();
  }
  std::string path(const std::string& repository = "attacker") const { return blob_path(repository, blob.digest); }
  // Neither its bytes nor its size are in the answer.
  void check_hidden(const Response& response) const {
    CHECK(response.digest != blob.digest);
    CHECK(response.status >= 400);
  }

  Blob blob;
};

// A manifest of `repository` that refers to `digest` as its layer.
void claim(Scene& scene, const std::string& repository, const std::string& digest, std::uint64_t size) {
  auto image = make_image({.layers = {"x"}});
  auto text = image.bytes();
  const auto at = text.find(image.layer_digest(0));
  REQUIRE(at != std::string::npos);
  text.replace(at, digest.size(), digest);
  const std::string old = "\"size\":1";
  const auto size_at = text.find(old, text.find("\"layers\""));
  if (size_at != std::string::npos) text.replace(size_at, old.size(), "\"size\":" + std::to_string(size));
  scene.upstream.registry().put_manifest(repository, {.media_type = image.media_type(), .bytes = text}, "claim");
  REQUIRE(scene.get(manifest_path(repository, "claim")).status == 200);
}

}  // namespace

TEST_CASE("an upstream that answers everything with a web page proves nothing (pain 26)") {
  for (const std::uint64_t size : {std::uint64_t{1000}, kLarge}) {
    Stored scene(size);
    scene.upstream.add_rule({.path = exactly(scene.path()), .action = answer(200, kPage, {{"Content-Type", "text/html"}})});
    scene.check_hidden(scene.get(scene.path()));
    scene.check_hidden(scene.get(scene.path(), {{"Range", "bytes=0-99"}}));
    const auto again = scene.get(scene.path());
    scene.check_hidden(again);
    CHECK(scene.get(scene.path("private")).headers.value("X-Cache") == "hit");
  }
}

TEST_CASE("an upstream that answers with other bytes of the right length proves nothing (pain 26)") {
  for (const std::uint64_t size : {std::uint64_t{1000}, kLarge}) {
    Stored scene(size);
    // It has another blob under the digest, and answers ranges of it.
    scene.upstream.registry().put_blob_as("attacker", scene.blob.digest, Content::generated(size, 8));
    // What comes is the attacker's own, and the whole of it is never complete.
    const auto whole = [&scene] {
      const auto response = scene.get(scene.path());
      return response.status == 200 && response.complete;
    };
    CHECK_FALSE(whole());
    const auto part = scene.get(scene.path(), {{"Range", "bytes=10-"}});
    CHECK(part.body != scene.blob.content.text().substr(10));
    CHECK_FALSE(whole());
  }
}

TEST_CASE("a redirect to a page that asks for a login proves nothing (pain 26)") {
  Stored scene;
  ScriptedUpstream login;
  login.add_rule({.action = answer(200, kPage, {{"Content-Type", "text/html"}})});
  scene.upstream.add_rule({.path = exactly(scene.path()), .action = redirect(302, login.url("/login"))});
  scene.check_hidden(scene.get(scene.path()));
}

TEST_CASE("an upstream that cannot give ranges is asked for the whole, which then is a proof (pain 26)") {
  Stored scene;
  scene.upstream.registry().put_blob("attacker", scene.blob.content);
  scene.upstream.add_rule({.path = exactly(scene.path()), .action = ignoring_range()});
  CHECK(scene.get(scene.path()).digest == scene.blob.digest);
  CHECK_SOON(scene.get(scene.path()).headers.value("X-Cache"), "hit");
  const auto asked = scene.gets(scene.path());
  CHECK(scene.get(scene.path()).headers.value("X-Cache") == "hit");
  CHECK(scene.gets(scene.path()) == asked);
}

TEST_CASE("a small blob is compared whole, a large one by 256 bytes at another place each time (pain 26)") {
  Stored small(1000);
  small.upstream.registry().put_blob("second", small.blob.content);
  CHECK(small.get(small.path("second")).digest == small.blob.digest);
  CHECK(small.ranges(small.path("second")) == std::vector<std::string>{""});

  Stored large;
  std::set<std::string> places;
  for (int i = 0; i < 5; ++i) {
    const auto repository = "mirror" + std::to_string(i);
    large.upstream.registry().put_blob(repository, large.blob.content);
    CHECK(large.get(large.path(repository)).digest == large.blob.digest);
    const auto asked = large.ranges(large.path(repository));
    REQUIRE(asked.size() == 1);
    places.insert(asked[0]);
  }
  CHECK(places.size() > 1);
}

TEST_CASE("many clients that join another repository's download compare its bytes once") {
  Stored scene;
  const auto blob = scene.put_blob(kLarge, 9, "private");
  scene.upstream.registry().put_blob("second", blob.content);
  auto gate = scene.upstream.hold(exactly(blob_path("private", blob.digest)), 200'000);
  HttpClient owner(scene.weir.url());
  REQUIRE(owner.send_request("GET", blob_path("private", blob.digest)));
  REQUIRE(gate->wait_until_reached());
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<HttpClient>(scene.weir.url()));
    REQUIRE(clients.back()->send_request("GET", blob_path("second", blob.digest)));
    const auto head = clients.back()->read_head().value_or(ResponseHead{});
    CHECK(head.headers.value("X-Cache") == "joined");
  }
  CHECK(scene.gets(blob_path("second", blob.digest)) == 1);
  gate->release();
  for (auto& client : clients) CHECK(client->finish_body().digest == blob.digest);
  CHECK(owner.read_response(Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 2");
  CHECK(scene.get(blob_path("second", blob.digest)).headers.value("X-Cache") == "hit");
  CHECK(scene.gets(blob_path("second", blob.digest)) == 1);
}

TEST_CASE("bytes that anybody could guess are not compared: the blob is fetched again (pain 26)") {
  Scene scene;
  const Content zeros(std::string(kLarge, '\0'));
  const auto digest = scene.upstream.registry().put_blob("private", zeros);
  REQUIRE(scene.get(blob_path("private", digest)).digest == digest);
  CHECK_SOON(scene.fills(), "ok 1");
  scene.upstream.journal().clear();
  scene.upstream.registry().put_blob("attacker", zeros);
  CHECK(scene.get(blob_path("attacker", digest)).digest == digest);
  CHECK(scene.whole_gets(blob_path("attacker", digest)) == 1);
  CHECK(scene.received() >= 2 * kLarge);
}

TEST_CASE("a manifest that refers to a blob proves nothing of it to a caller without rights to the other repository (pain 26)") {
  Scene scene({.sections = "[server]\ntrusted-proxies = 127.0.0.0/8\n[policy]\nfile = {directory}/policy.rules\ndefault = deny\n",
               .files = {{"policy.rules",
                          "owners  allow  *  pull  up/private   from=203.0.113.0/24\n"
                          "all     allow  *  pull  up/attacker\n"}}});
  const auto blob = scene.put_blob(kLarge, 7, "private");
  const Headers owner{{"X-Forwarded-For", "203.0.113.7"}}, stranger{{"X-Forwarded-For", "198.51.100.1"}};
  REQUIRE(scene.get(blob_path("private", blob.digest), owner).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  claim(scene, "attacker", blob.digest, kLarge);
  const auto path = blob_path("attacker", blob.digest);
  CHECK(scene.get(path, stranger).status == 404);
  CHECK(scene.get(path, {{"X-Forwarded-For", "198.51.100.1"}, {"Range", "bytes=0-9"}}).status == 404);
  // The owner may have it all the same, which proves nothing for the stranger afterwards.
  REQUIRE(scene.weir.terminate() == 0);
  REQUIRE(scene.weir.start());
  CHECK(scene.get(path, owner).digest == blob.digest);
  CHECK(scene.get(path, stranger).status == 404);
  CHECK(scene.get(blob_path("private", blob.digest), stranger).status == 403);
}

TEST_CASE("a partial file of one repository is not continued for another (pain 26)") {
  Scene scene;
  const auto blob = scene.put_blob(kLarge, 7, "private");
  auto gate = scene.upstream.hold(exactly(blob_path("private", blob.digest)), 200'000);
  {
    HttpClient owner(scene.weir.url());
    REQUIRE(owner.send_request("GET", blob_path("private", blob.digest)));
    REQUIRE(gate->wait_until_reached());
    REQUIRE(wait_until([&] { return file_size(scene.partial_file(blob.digest)) >= 190'000; }));
  }
  scene.weir.kill();
  gate->release();
  REQUIRE(scene.weir.start());
  REQUIRE(scene.partials().size() == 1);
  scene.upstream.journal().clear();
  // The other repository's upstream has it not: nothing of the partial file is its.
  CHECK(scene.get(blob_path("attacker", blob.digest)).status == 404);
  CHECK(scene.ranges(blob_path("attacker", blob.digest)) == std::vector<std::string>{""});
  // Its own repository continues it.
  CHECK(scene.get(blob_path("private", blob.digest)).digest == blob.digest);
  const auto asked = scene.ranges(blob_path("private", blob.digest));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].starts_with("bytes="));
}

TEST_CASE("a partial file that names no repository is removed at the start") {
  Scene scene({.start = false});
  const auto blob = scene.put_blob(kLarge);
  std::filesystem::create_directories(scene.weir.path("store/partial"));
  const auto old = scene.weir.path("store/partial/sha256-" + blob.digest.substr(7));
  std::ofstream(old, std::ios::binary) << blob.content.text().substr(0, 1000);
  REQUIRE(scene.weir.start());
  CHECK_FALSE(std::filesystem::exists(old));
  CHECK(scene.get(blob.path).digest == blob.digest);
  CHECK(scene.ranges(blob.path) == std::vector<std::string>{""});
}

TEST_CASE("a base layer that a caller may pull through another repository costs nothing, and survives an outage") {
  Scene scene;
  const Content base = Content::generated(kLarge, 3);
  auto first = make_image({.layers = {base, "first"}}), second = make_image({.layers = {base, "second"}});
  first.put(scene.upstream.registry(), "first", "v1");
  second.put(scene.upstream.registry(), "second", "v1");
  for (const auto& [image, repository] : {std::pair(&first, "first"), std::pair(&second, "second")}) {
    REQUIRE(scene.get(manifest_path(repository, "v1")).status == 200);
    for (std::size_t i = 0; i < 2; ++i) REQUIRE(scene.get(blob_path(repository, image->layer_digest(i))).status == 200);
  }
  CHECK(scene.gets(blob_path("second", second.layer_digest(0))) == 0);
  CHECK(scene.gets(blob_path("second", second.layer_digest(1))) == 1);
  CHECK_SOON(scene.fills(), "ok 3");
  scene.upstream.add_rule({.action = answer(503)});
  CHECK(scene.get(blob_path("second", second.layer_digest(0))).headers.value("X-Cache") == "hit");
  // A repository that no manifest connects with the blob gets no answer from the store.
  CHECK(scene.get(blob_path("third", second.layer_digest(0))).status >= 500);
}

TEST_CASE("a manifest of an index is fetched once through each repository that refers to it") {
  Scene scene;
  auto child = make_image({.layers = {"one"}});
  auto index = make_index({.children = {child}});
  index.put(scene.upstream.registry(), "first", "v1");
  REQUIRE(scene.get(manifest_path("first", "v1")).status == 200);
  REQUIRE(scene.get(manifest_path("first", child.digest())).status == 200);
  scene.upstream.journal().clear();
  // Another repository's upstream has the index alone.
  index.put_manifest(scene.upstream.registry(), "second", "v1");
  REQUIRE(scene.get(manifest_path("second", "v1")).status == 200);
  scene.upstream.add_rule({.path = exactly(manifest_path("second", child.digest())), .action = answer(404)});
  // Whoever asks may pull it through the first repository as well, and the index refers to it.
  CHECK(scene.get(manifest_path("second", child.digest())).status == 200);
  // Nothing connects a third one with it.
  CHECK(scene.get(manifest_path("third", child.digest())).status == 404);
}

}  // namespace weir::testing
