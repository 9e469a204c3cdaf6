// What survives the end of the program, however it came, and what of the disk is not believed.
#include <filesystem>
#include <fstream>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kSize = 4 * kMiB;
constexpr std::uint64_t kHeld = 3 * kMiB;

void invert_byte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  auto byte = static_cast<char>(~file.get());
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  REQUIRE(file.good());
}

// A scene in which a fill was broken off by SIGKILL with kHeld bytes on the disk.
struct Broken : Scene {
  explicit Broken(const SceneOptions& options = {}) : Scene(options), blob(put_blob(kSize)) {
    auto gate = upstream.hold(exactly(blob.path), kHeld);
    HttpClient client(weir.url());
    REQUIRE(client.send_request("GET", blob.path));
    REQUIRE(wait_until([&] { return file_size(partial_file(blob.digest)) == kHeld; }));
    weir.kill();
    gate->release();
  }

  Blob blob;
};

}  // namespace

TEST_CASE("a fill broken off by kill -9 is resumed from what the disk holds, and hashed as a whole (pain 16)") {
  Broken scene;
  REQUIRE(scene.weir.start());
  auto response = scene.get(scene.blob.path, {}, Body::hash);
  CHECK(response.complete);
  CHECK(response.digest == scene.blob.digest);
  CHECK(response.headers.value("X-Cache") == "miss");
  CHECK(scene.ranges(scene.blob.path) == std::vector<std::string>{"", "bytes=" + std::to_string(kHeld) + "-"});
  CHECK(scene.received() == kSize - kHeld);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.partials().empty());
  CHECK(scene.stored("blobs").size() == 1);
}

TEST_CASE("a partial file with a wrong byte is found out and never served as whole") {
  Broken scene;
  invert_byte(scene.partial_file(scene.blob.digest), kMiB);
  REQUIRE(scene.weir.start());
  auto response = scene.get(scene.blob.path, {}, Body::hash);
  CHECK(!response.complete);
  CHECK(response.length <= kSize - kLastPiece);
  CHECK_SOON(scene.fills(), "corrupt 1");
  CHECK(scene.partials().empty());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK(scene.ranges(scene.blob.path).back() == "");
}

TEST_CASE("a partial file longer than the blob is thrown away") {
  Broken scene;
  std::filesystem::resize_file(scene.partial_file(scene.blob.digest), kSize + 1);
  REQUIRE(scene.weir.start());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
}

TEST_CASE("a partial file that is complete but was never announced is served after it was hashed") {
  Broken scene;
  std::ofstream(scene.partial_file(scene.blob.digest), std::ios::binary) << scene.blob.content.text();
  REQUIRE(scene.weir.start());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.stored("blobs").size() == 1);
}

TEST_CASE("an upstream that answers the resumption after a restart with everything is skipped forward") {
  Broken scene;
  scene.upstream.add_rule({.path = exactly(scene.blob.path), .action = ignoring_range()});
  REQUIRE(scene.weir.start());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK(scene.received() == kSize);
}

TEST_CASE("with resume-partial off nothing of a broken fill is kept") {
  Broken scene({.sections = "[cache]\nresume-partial = off\n"});
  REQUIRE(scene.weir.start());
  CHECK(scene.partials().empty());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK(scene.ranges(scene.blob.path) == std::vector<std::string>{"", ""});
}

TEST_CASE("SIGTERM ends a fill that nobody waits for at once, and the next program goes on with it (pain 16)") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  auto gate = scene.upstream.hold(exactly(blob.path), kMiB);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(gate->wait_until_reached());
  client.reset();
  gate->advance_to(kHeld);
  REQUIRE(wait_until([&] { return file_size(scene.partial_file(blob.digest)) == kHeld; }));
  CHECK_SOON(scene.outcomes("blob"), "miss 1");
  auto started = Clock::now();
  CHECK(scene.weir.terminate() == 0);
  CHECK(Clock::now() - started < Milliseconds(10'000));  // a busy disk takes its time; drain-timeout is 30 s
  gate->release();
  REQUIRE(scene.weir.start());
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK(scene.ranges(blob.path) == std::vector<std::string>{"", "bytes=" + std::to_string(kHeld) + "-"});
}

TEST_CASE("everything that was cached is served after a restart without network (pains 9, 10)") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(100'000, 1), Content::generated(70'000, 2)}});
  image.put(scene.upstream.registry(), "app", "latest");
  std::vector<std::string> paths{manifest_path("app", "latest"), manifest_path("app", image.digest()),
                                 blob_path("app", image.config_digest()), blob_path("app", image.layer_digest(0)),
                                 blob_path("app", image.layer_digest(1))};
  std::vector<std::string> digests;
  for (const auto& path : paths) digests.push_back(scene.get(path).digest);
  CHECK_SOON(scene.fills(), "ok 3");
  scene.upstream.stop();
  REQUIRE(scene.weir.restart());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    auto response = scene.get(paths[i]);
    CHECK(response.status == 200);
    CHECK(response.digest == digests[i]);
    CHECK(response.headers.value("X-Cache") == "hit");
    CHECK(scene.head(paths[i]).status == 200);
  }
  CHECK_SOON(scene.outcomes(), "hit 10");
  CHECK(scene.weir.metric("weir_upstream_requests_total") == 0);
}

TEST_CASE("a stored file that was cut or lost is fetched anew, never served short (pain 4)") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  auto file = scene.blob_file(blob.digest);
  REQUIRE(file_size(file) == kMiB);
  std::filesystem::resize_file(file, 1000);
  auto cut = scene.get(blob.path, {}, Body::hash);
  CHECK(cut.complete);
  CHECK(cut.digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 2");
  std::filesystem::remove(file);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 3");
  CHECK(scene.gets(blob.path) == 3);
}

TEST_CASE("a stored manifest that was lost is fetched anew (pain 4)") {
  Scene scene;
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "latest");
  for (const auto& reference : {std::string("latest"), image.digest()}) {
    CHECK(scene.get(manifest_path("app", reference)).digest == image.digest());
    std::filesystem::remove(scene.blob_file(image.digest()));
  }
  for (const auto& reference : {std::string("latest"), image.digest()}) {
    auto response = scene.get(manifest_path("app", reference));
    CHECK(response.status == 200);
    CHECK(response.digest == image.digest());
  }
}

TEST_CASE("two programs never share a store") {
  Scene scene;
  auto second = run_weir({"serve", "--set", "cache.directory=" + scene.weir.path("store"), "--set", "server.listen=127.0.0.1:0",
                          "--set", "admin.listen=off"});
  CHECK(second.exit_code == 1);
  CHECK(second.error.find("another weir") != second.error.npos);
  CHECK(scene.get("/v2/").status == 200);
}

}  // namespace weir::testing
