// Clients that ask for much and read nothing: what is held for them is bounded.
#include <deque>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr int kReaders = 100;
const std::string kManifestType = "application/vnd.oci.image.manifest.v1+json";

// Nearly 4 MiB, most of it in annotations.
std::string large_manifest(int seed) {
  std::string text = R"({"schemaVersion":2,"config":{"digest":")" + digest_of("{}") + R"(","size":2},"layers":[],"annotations":{)";
  for (int i = 0; i < 8; ++i) {
    if (i > 0) text += ',';
    text += "\"part" + std::to_string(i) + "\":\"" + std::string(500 * kKiB, static_cast<char>('a' + (seed + i) % 26)) + '"';
  }
  return text + "}}";
}

// Nearly 8 MiB.
std::string large_tag_list(const std::string& name) {
  std::string text = "{\"name\":\"" + name + "\",\"tags\":[";
  for (int i = 0; i < 300'000; ++i) {
    const auto number = std::to_string(i);
    text += (i > 0 ? ",\"" : "\"") + std::string(22 - number.size(), 'v') + number + '"';
  }
  return text + "]}\n";
}

// Clients that have read an answer's head, and read on when they are told to.
struct SlowReaders {
  explicit SlowReaders(const Scene& scene) : scene_(scene) {}

  // The status that one more client gets.
  int add(const std::string& path) {
    clients_.emplace_back(scene_.weir.url(), ClientOptions{.receive_buffer = 32768});
    auto& client = clients_.back();
    REQUIRE(client.send_request("GET", path));
    const auto head = client.read_head();
    return head ? head->status : 0;
  }
  // All ask before the first one reads.
  void add_together(const std::string& path, int count) {
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(scene_.weir.url(), ClientOptions{.receive_buffer = 32768});
      REQUIRE(clients_.back().send_request("GET", path));
    }
    for (auto& client : clients_) {
      const auto head = client.read_head();
      REQUIRE(head);
      CHECK(head->status == 200);
    }
  }
  std::string finish(std::size_t which) { return clients_.at(which).finish_body(Body::keep).body; }
  void clear() { clients_.clear(); }

 private:
  const Scene& scene_;
  std::deque<HttpClient> clients_;
};

double grown_mib(const Scene& scene, std::uint64_t before) {
  return (static_cast<double>(scene.weir.rss_anon_kib()) - static_cast<double>(before)) / 1024;
}

}  // namespace

TEST_CASE("readers of one large manifest that do not read share its file, or the bytes that came in") {
  for (const bool warm : {true, false}) {
    CAPTURE(warm);
    Scene scene;
    const auto bytes = large_manifest(warm);
    const auto digest = scene.upstream.registry().put_manifest("app", {kManifestType, bytes}, "latest");
    const auto path = manifest_path("app", digest);
    if (warm) {
      CHECK((scene.get(path).body == bytes));
      CHECK_SOON(scene.get(path).headers.value("X-Cache"), "hit");
    }
    const auto before = scene.weir.rss_anon_kib();
    SlowReaders readers(scene);
    readers.add_together(path, kReaders);
    const auto grown = grown_mib(scene, before);
    MESSAGE(grown << " MiB for " << kReaders << " readers, " << (warm ? "warm" : "cold"));
    // Cold: the text as it came, the store's copy, and what the heap keeps of both.
    if (!sanitized()) CHECK(grown < (warm ? 16 : 64));
    CHECK(scene.upstream.journal().count("GET", path) == 1);
    for (const std::size_t which : {0, kReaders - 1}) CHECK((readers.finish(which) == bytes));
    // Others are served meanwhile.
    CHECK((scene.get(path).body == bytes));
  }
}

TEST_CASE("a large manifest that rots in its file is not served, and fetched anew") {
  Scene scene({.sections = "[cache]\nverify-age = 0\n"});
  const auto bytes = large_manifest(3);
  const auto digest = scene.upstream.registry().put_manifest("app", {kManifestType, bytes}, "latest");
  const auto path = manifest_path("app", digest);
  REQUIRE((scene.get(path).body == bytes));
  REQUIRE((scene.get(path).body == bytes));
  CHECK(scene.upstream.journal().count("GET", path) == 1);
  std::FILE* file = std::fopen(scene.blob_file(digest).c_str(), "r+");
  REQUIRE(file);
  std::fseek(file, 1000, SEEK_SET);
  std::fputc('!', file);
  std::fclose(file);
  const auto again = scene.get(path);
  CHECK((again.body == bytes));
  CHECK(again.headers.value("X-Cache") == "miss");
  CHECK(scene.upstream.journal().count("GET", path) == 2);
  CHECK_SOON(scene.weir.metric("weir_quarantined_blobs_total"), 1);
}

TEST_CASE("readers of one large tag list that do not read share its bytes, also those who come later") {
  Scene scene({.sections = "[cache]\ntag-ttl = 1h\n"});
  const auto list = large_tag_list("app");
  scene.upstream.add_rule({.path = "/tags/list", .action = answer(200, list, {{"Content-Type", "application/json"}})});
  const auto before = scene.weir.rss_anon_kib();
  SlowReaders readers(scene);
  readers.add_together("/v2/app/tags/list", kReaders / 2);
  for (int i = 0; i < kReaders / 2; ++i) CHECK(readers.add("/v2/app/tags/list") == 200);
  const auto grown = grown_mib(scene, before);
  MESSAGE(grown << " MiB for " << kReaders << " readers of " << list.size() << " bytes");
  // The upstream's text, ours, and what the transfer and the heap keep.
  if (!sanitized()) CHECK(grown < 64);
  CHECK(scene.upstream.journal().count("GET", "/tags/list") == 1);
  CHECK((readers.finish(kReaders - 1) == list));
}

TEST_CASE("lists that no reader takes away use up memory-budget, and more are refused with 503 until they go") {
  Scene scene({.sections = "[cache]\ntag-ttl = 0\nmemory-budget = 64MiB\n"});
  const auto list = large_tag_list("app");
  scene.upstream.add_rule({.path = "/tags/list", .action = answer(200, list, {{"Content-Type", "application/json"}})});
  const auto before = scene.weir.rss_anon_kib();
  SlowReaders readers(scene);
  int served = 0, refused = 0;
  for (int i = 0; i < 30; ++i) {
    const auto status = readers.add("/v2/app/tags/list?last=" + std::to_string(i));
    CHECK((status == 200 || status == 503));
    ++(status == 200 ? served : refused);
  }
  CHECK(served >= 4);
  CHECK(refused >= 20);
  CHECK(scene.weir.metric("weir_memory_held_bytes") <= 64.0 * kMiB);
  CHECK(scene.weir.metric("weir_memory_refused_total") == refused);
  if (!sanitized()) CHECK(grown_mib(scene, before) < 64 + 48);
  const auto told = scene.get("/v2/app/tags/list");
  CHECK(told.status == 503);
  CHECK(told.headers.value("Retry-After") == "1");
  CHECK(told.body.find("memory-budget") != std::string::npos);
  readers.clear();
  CHECK(wait_until([&] { return scene.get("/v2/app/tags/list").status == 200; }));
  CHECK_SOON(scene.weir.metric("weir_memory_held_bytes"), 0);
}

TEST_CASE("blobs that pass by the disk wait for memory while clients that do not read have it") {
  Scene scene({.sections = "[cache]\ncapacity = 16MiB\nmemory-budget = 32MiB\n"});
  const auto blob = scene.put_blob(40 * kMiB);
  const auto before = scene.weir.rss_anon_kib();
  SlowReaders readers(scene);
  for (int i = 0; i < 10; ++i) CHECK(readers.add(blob.path) == 200);
  CHECK(scene.weir.metric("weir_memory_held_bytes") == 30.0 * kMiB);
  if (!sanitized()) CHECK(grown_mib(scene, before) < 32 + 24);
  // One more begins as all did: a fill is tried first, for which there is no room on the disk. Then it waits.
  const auto asked = scene.gets(blob.path);
  HttpClient waiting(scene.weir.url());
  REQUIRE(waiting.send_request("GET", blob.path));
  CHECK(wait_until([&] { return scene.gets(blob.path) == asked + 1; }));
  CHECK(scene.weir.metric("weir_memory_held_bytes") == 30.0 * kMiB);
  readers.clear();
  CHECK(waiting.read_response(Body::hash).digest == blob.digest);
  CHECK_SOON(scene.weir.metric("weir_memory_held_bytes"), 0);
  CHECK(scene.weir.metric("weir_memory_refused_total") == 0);
}

}  // namespace weir::testing
