// Stored bytes that are no longer what they were: cut files heal within the request, flipped bits are found before a client
// has the whole of them, and by the scrub.
#include <filesystem>
#include <fstream>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kSize = 3 * kMiB;

struct Stored : Scene {
  explicit Stored(const std::string& cache = "", std::uint64_t size = kSize)
      : Scene({.sections = "[cache]\n" + cache}), blob(put_blob(size)) {
    REQUIRE(get(blob.path, {}, Body::hash).digest == blob.digest);
    CHECK_SOON(fills(), "ok 1");
    upstream.journal().clear();
  }
  void flip(std::uint64_t offset) {
    std::fstream file(blob_file(blob.digest), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
    REQUIRE(file.good());
  }
  void cut(std::uint64_t size) { std::filesystem::resize_file(blob_file(blob.digest), size); }
  double quarantined() const { return weir.metric("weir_quarantined_blobs_total"); }
  std::string rechecks() const {
    std::string all;
    for (const char* result : {"ok", "corrupt", "failed"}) {
      if (const auto count = weir.metric("weir_rechecks_total", {{"result", result}}); count > 0)
        all += std::string(all.empty() ? "" : ", ") + result + ' ' + std::to_string(static_cast<int>(count));
    }
    return all;
  }

  Blob blob;
};

CommandResult command(const Scene& scene, std::vector<std::string> words) {
  words.insert(words.end(), {"--config", scene.weir.path("weir.conf"), "--set", "cache.directory=" + scene.weir.path("store")});
  return run_weir(words);
}

}  // namespace

TEST_CASE("a file that was cut is found out before the answer begins, and the same request brings the bytes (pain 4)") {
  for (const std::uint64_t left : {std::uint64_t{0}, std::uint64_t{1}, kSize - 1}) {
    Stored scene;
    scene.cut(left);
    auto response = scene.get(scene.blob.path, {}, Body::hash);
    CHECK(response.status == 200);
    CHECK(response.digest == scene.blob.digest);
    CHECK(scene.whole_gets(scene.blob.path) == 1);
    CHECK_SOON(scene.fills(), "ok 2");
    CHECK(scene.get(scene.blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
  }
}

TEST_CASE("a file that cannot be opened and is not known to be wrong stays, and the bytes come from the upstream") {
  Stored scene;
  const auto file = scene.blob_file(scene.blob.digest);
  std::filesystem::rename(file, file + ".aside");
  std::filesystem::create_symlink(file + ".aside", file);  // which is never followed
  for (int turn = 0; turn < 2; ++turn) {
    const auto response = scene.get(scene.blob.path, {}, Body::hash);
    CHECK(response.status == 200);
    CHECK(response.digest == scene.blob.digest);
    CHECK(response.headers.value("X-Cache") == "bypass");
  }
  std::filesystem::rename(file + ".aside", file);
  CHECK(scene.get(scene.blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
  CHECK(scene.whole_gets(scene.blob.path) == 2);
}

TEST_CASE("a file that is cut while it is being sent: the rest comes from the upstream, and the client notices nothing") {
  constexpr std::uint64_t kBig = 64 * kMiB;
  for (const bool range : {false, true}) {
    Stored scene("", kBig);
    HttpClient client(scene.weir.url());
    const auto headers = range ? Headers{{"Range", "bytes=1000-"}} : Headers{};
    REQUIRE(client.send_request("GET", scene.blob.path, headers));
    REQUIRE(client.read_head().has_value());
    // The program has sent what the sockets take, and not more.
    scene.cut(kBig / 2);
    CHECK(body_is(client, scene.blob.content.text().substr(range ? 1000 : 0)));
    CHECK_SOON(scene.fills(), "ok 2");
    CHECK_SOON(scene.quarantined(), 1);
    CHECK(file_size(scene.blob_file(scene.blob.digest)) == kBig);
  }
}

TEST_CASE("a slow reader of the cut file takes nothing from those who have the new one, and several ranges heal together") {
  constexpr std::uint64_t kBig = 64 * kMiB;
  Stored scene("", kBig);
  HttpClient fast(scene.weir.url()), slow(scene.weir.url());
  for (auto* client : {&fast, &slow}) {
    REQUIRE(client->send_request("GET", scene.blob.path, {}));
    REQUIRE(client->read_head().has_value());
  }
  scene.cut(kBig / 2);
  const auto text = scene.blob.content.text();
  CHECK(body_is(fast, text));
  CHECK_SOON(scene.fills(), "ok 2");
  CHECK(body_is(slow, text));
  CHECK_SOON(scene.quarantined(), 1);
  CHECK(scene.whole_gets(scene.blob.path) <= 1);
  CHECK(scene.get(scene.blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
}

TEST_CASE("with verify-age = 0 no client completes a body with a flipped bit, wherever it is") {
  for (const std::uint64_t offset : {std::uint64_t{0}, kSize / 2, kSize - 1}) {
    Stored scene("verify-age = 0\n");
    scene.flip(offset);
    auto response = scene.get(scene.blob.path, {}, Body::hash);
    CHECK((!response.complete || response.digest == scene.blob.digest));
    CHECK_SOON(scene.quarantined(), 1);
    CHECK_SOON(scene.rechecks(), "corrupt 1");
    // The next one has it anew.
    auto again = scene.get(scene.blob.path, {}, Body::hash);
    CHECK(again.complete);
    CHECK(again.digest == scene.blob.digest);
    CHECK(scene.whole_gets(scene.blob.path) == 1);
    CHECK(scene.stored("quarantine").size() == 1);
  }
}

TEST_CASE("a small blob that has rotted heals within the request, for nothing of it went out") {
  for (const bool gone_upstream : {false, true}) {
    Stored scene("verify-age = 0\n", 5000);
    scene.flip(77);
    if (gone_upstream) scene.upstream.stop();
    auto response = scene.get(scene.blob.path, {}, Body::hash);
    if (gone_upstream) {
      CHECK(!response.complete);
    } else {
      CHECK(response.complete);
      CHECK(response.digest == scene.blob.digest);
    }
    CHECK_SOON(scene.quarantined(), 1);
  }
}

TEST_CASE("a manifest that has rotted is fetched anew, and never served") {
  Scene scene({.sections = "[cache]\nverify-age = 0\n"});
  auto image = make_image({});
  image.put(scene.upstream.registry(), "app", "latest");
  const auto path = manifest_path("app", image.digest());
  REQUIRE(scene.get(path).status == 200);
  auto text = image.bytes();
  text[text.find("schemaVersion")] = 'S';
  std::ofstream(scene.blob_file(image.digest()), std::ios::binary | std::ios::trunc) << text;
  auto response = scene.get(path);
  CHECK(response.status == 200);
  CHECK(response.body == image.bytes());
  CHECK_SOON(scene.weir.metric("weir_quarantined_blobs_total"), 1);
}

TEST_CASE("hits that are due are hashed once however many ask, and are hits; ranges need not wait") {
  Stored scene("verify-age = 0\n");
  std::vector<std::jthread> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&scene, i] {
      const bool part = i % 4 == 0;
      auto response = scene.get(scene.blob.path, part ? Headers{{"Range", "bytes=5-104"}} : Headers{},
                                part ? Body::keep : Body::hash);
      CHECK(response.headers.value("X-Cache") == "hit");
      if (part) CHECK(response.body == scene.blob.content.slice(5, 100));
      else CHECK(response.digest == scene.blob.digest);
    });
  }
  clients.clear();
  CHECK(scene.upstream.journal().count() == 0);
  CHECK_SOON(scene.weir.metric("weir_fills_active"), 0);
  CHECK(scene.weir.metric("weir_rechecks_total", {{"result", "ok"}}) >= 1);
}

TEST_CASE("within verify-age nothing is hashed again") {
  Stored scene("verify-age = 1h\n");
  for (int i = 0; i < 3; ++i) CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK(scene.rechecks().empty());
}

TEST_CASE("one pass of the scrub finds a flipped bit; the next request brings the bytes anew") {
  Stored scene("verify-age = off\n");
  auto sound = scene.put_blob(kMiB, 2);
  REQUIRE(scene.get(sound.path, {}, Body::hash).digest == sound.digest);
  CHECK_SOON(scene.fills(), "ok 2");
  CHECK(command(scene, {"cache", "scrub", "--now"}).exit_code == 0);
  scene.flip(kSize / 3);
  auto found = command(scene, {"cache", "scrub", "--now", "--format", "json"});
  CHECK(found.exit_code == 1);
  CHECK(found.output.find("\"rotten\":1") != std::string::npos);
  CHECK(found.output.find("\"hashed\":2") != std::string::npos);
  CHECK(scene.quarantined() == 1);
  CHECK(command(scene, {"cache", "scrub"}).output.find("1 rotten") != std::string::npos);
  CHECK(scene.get(sound.path, {}, Body::hash).headers.value("X-Cache") == "hit");
  scene.upstream.journal().clear();
  auto again = scene.get(scene.blob.path, {}, Body::hash);
  CHECK(again.digest == scene.blob.digest);
  CHECK(scene.whole_gets(scene.blob.path) == 1);
}

TEST_CASE("without a server the scrub reads the store itself") {
  Stored scene;
  scene.weir.terminate();
  scene.flip(9);
  auto found = command(scene, {"cache", "scrub", "--now"});
  CHECK(found.exit_code == 1);
  CHECK(found.output.find("1 rotten") != std::string::npos);
  REQUIRE(scene.weir.start());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK(scene.whole_gets(scene.blob.path) == 1);
}

TEST_CASE("an index that is lost is refused with words, made again from the blobs, and no blob is fetched twice") {
  Stored scene;
  scene.weir.terminate();
  CHECK(command(scene, {"cache", "rebuild"}).exit_code == 0);
  std::filesystem::remove_all(scene.weir.path("store/index"));
  CHECK(!scene.weir.start());
  CHECK(wait_until([&] { return scene.weir.log().find("weir cache rebuild") != std::string::npos; }));
  auto rebuilt = command(scene, {"cache", "rebuild"});
  CHECK(rebuilt.exit_code == 0);
  CHECK(rebuilt.output.find("1 blobs of 3145728 bytes") != std::string::npos);
  REQUIRE(scene.weir.start());
  CHECK(command(scene, {"cache", "rebuild"}).exit_code == 1);  // beside a server
  auto response = scene.get(scene.blob.path, {}, Body::hash);
  CHECK(response.digest == scene.blob.digest);
  // The repository proves that it may serve it, by some bytes of its upstream.
  CHECK(scene.gets(scene.blob.path) == 1);
  CHECK(scene.whole_gets(scene.blob.path) == 0);
}

}  // namespace weir::testing
