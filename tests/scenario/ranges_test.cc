// Parts of blobs, from the disk and from blobs that are still growing.
#include <thread>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr std::uint64_t kSize = kMiB;

struct Part {
  std::string range;
  std::string body;
};

// The parts of a multipart/byteranges body, or nothing when it is malformed.
std::vector<Part> parts_of(const Response& response) {
  const std::string type = "multipart/byteranges; boundary=";
  auto content_type = response.headers.value("Content-Type");
  REQUIRE(content_type.starts_with(type));
  auto line = "--" + content_type.substr(type.size());
  std::vector<Part> parts;
  for (auto at = response.body.find(line); at != std::string::npos;) {
    auto begin = at + line.size();
    if (response.body.compare(begin, 2, "--") == 0) return parts;
    auto next = response.body.find("\r\n" + line, begin);
    auto head_end = response.body.find("\r\n\r\n", begin);
    if (next == std::string::npos || head_end == std::string::npos) return {};
    auto head = parse_response_head("HTTP/1.1 206 Part" + response.body.substr(begin, head_end + 4 - begin));
    if (!head) return {};
    parts.push_back({head->headers.value("Content-Range"), response.body.substr(head_end + 4, next - head_end - 4)});
    at = next + 2;
  }
  return {};
}

// A scene with one blob, all of it held or the first 600,000 bytes.
struct Ranged : Scene {
  explicit Ranged(bool warm) : blob(put_blob(kSize)) {
    if (warm) {
      REQUIRE(get(blob.path, {}, Body::hash).digest == blob.digest);
      CHECK_SOON(fills(), "ok 1");
    } else {
      gate = upstream.hold(exactly(blob.path), 600'000);
      REQUIRE(first.send_request("GET", blob.path));
      REQUIRE(wait_until([&] { return file_size(partial_file(blob.digest)) == 600'000; }));
    }
  }
  ~Ranged() {
    if (gate) gate->release();
  }

  Response range(const std::string& value) { return get(blob.path, {{"Range", value}}); }

  void check(const std::string& value, std::uint64_t begin, std::uint64_t count) {
    CAPTURE(value);
    auto response = range(value);
    CHECK(response.status == 206);
    CHECK(response.complete);
    CHECK((response.body == blob.content.slice(begin, count)));
    CHECK(response.headers.value("Content-Range") ==
          "bytes " + std::to_string(begin) + "-" + std::to_string(begin + count - 1) + "/" + std::to_string(kSize));
    CHECK(response.headers.value("Docker-Content-Digest") == blob.digest);
    CHECK(response.headers.value("Accept-Ranges") == "bytes");
  }

  Blob blob;
  std::shared_ptr<Gate> gate;
  HttpClient first{weir.url()};
};

// A scene with one blob whose fill stands still after `grown` bytes, until the gate is released.
struct Growing : Scene {
  struct Parts {
    Blob blob;
    std::shared_ptr<Gate> gate;
    HttpClient first;
  };
  Growing(std::uint64_t size, std::uint64_t grown) : parts{put_blob(size), nullptr, HttpClient(weir.url())} {
    parts.gate = upstream.hold(exactly(parts.blob.path), static_cast<std::int64_t>(grown));
    REQUIRE(parts.first.send_request("GET", parts.blob.path));
    REQUIRE(wait_until([&] { return file_size(partial_file(parts.blob.digest)) == grown; }));
  }
  ~Growing() { parts.gate->release(); }
  Parts parts;
};

}  // namespace

TEST_CASE("ranges of a stored blob: single, open-ended, suffix, cut to its end") {
  Ranged scene(true);
  scene.check("bytes=0-0", 0, 1);
  scene.check("bytes=0-99", 0, 100);
  scene.check("bytes=1000-700000", 1000, 699'001);
  scene.check("bytes=1048575-", kSize - 1, 1);
  scene.check("bytes=500000-", 500'000, kSize - 500'000);
  scene.check("bytes=-1", kSize - 1, 1);
  scene.check("bytes=-500", kSize - 500, 500);
  scene.check("bytes=1048000-99999999", 1'048'000, 576);
  scene.check("bytes=-99999999", 0, kSize);
  scene.check("bytes=0-", 0, kSize);
  CHECK(scene.gets(scene.blob.path) == 1);
  CHECK_SOON(scene.outcomes("blob"), "hit 10, miss 1");
}

TEST_CASE("ranges of a growing blob are answered as far as it has grown, without another request (pain 18)") {
  Ranged scene(false);
  scene.check("bytes=0-0", 0, 1);
  scene.check("bytes=0-99", 0, 100);
  scene.check("bytes=1000-500000", 1000, 499'001);
  scene.check("bytes=599999-599999", 599'999, 1);
  CHECK(scene.range("bytes=10-19").headers.value("X-Cache") == "joined");
  CHECK(scene.gets(scene.blob.path) == 1);
  CHECK_SOON(scene.weir.metric("weir_unverified_range_bytes_total"), 1 + 100 + 499'001 + 1 + 10);
}

TEST_CASE("ranges beyond what has grown wait for it (pain 18)") {
  Ranged scene(false);
  std::vector<std::pair<std::unique_ptr<HttpClient>, std::string>> waiting;
  for (auto [range, begin, count] : {std::tuple<const char*, std::uint64_t, std::uint64_t>{"bytes=599990-600009", 599'990, 20},
                                     {"bytes=700000-", 700'000, kSize - 700'000},
                                     {"bytes=-5", kSize - 5, 5},
                                     {"bytes=1-", 1, kSize - 1}}) {
    auto& [client, expected] = waiting.emplace_back(std::make_unique<HttpClient>(scene.weir.url()),
                                                    scene.blob.content.slice(begin, count));
    REQUIRE(client->send_request("GET", scene.blob.path, {{"Range", range}}));
    CHECK(client->read_head().value_or(ResponseHead{}).status == 206);
  }
  scene.gate->release();
  for (auto& [client, expected] : waiting) CHECK((client->finish_body(Body::keep).body == expected));
  CHECK(scene.gets(scene.blob.path) == 1);
}

TEST_CASE("a client that stops reading what is fetched aside gets no byte behind that") {
  const std::uint64_t size = 80 * kMiB, far = 40 * kMiB;
  Scene scene({.sections = "[server]\nprogress-timeout = 1s\n"});
  auto blob = scene.put_blob(size);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = throttled(8 * kMiB)});  // the fill
  HttpClient first(scene.weir.url());
  REQUIRE(first.send_request("GET", blob.path));
  REQUIRE(first.read_head());
  HttpClient ahead(scene.weir.url());
  REQUIRE(ahead.send_request("GET", blob.path, {{"Range", "bytes=" + std::to_string(far) + "-"}}));
  REQUIRE(ahead.read_head());
  std::this_thread::sleep_for(Milliseconds(2500));
  const auto response = ahead.finish_body(Body::keep);
  CHECK(!response.complete);
  CHECK((response.body == blob.content.slice(far, response.body.size())));
}

TEST_CASE("a range far beyond what has grown is fetched aside, exactly, and the fill loses nothing by it (pain 18)") {
  const std::uint64_t size = 40 * kMiB, grown = 2 * kMiB, far = 36 * kMiB;
  for (const bool broken : {false, true}) {
    CAPTURE(broken);
    Growing scene(size, grown);
    auto& [blob, gate, first] = scene.parts;
    // 100,000 bytes pass the gate, which holds what is longer than `grown`.
    if (broken) scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(60'000)});
    HttpClient ahead(scene.weir.url());
    const auto range = std::to_string(far) + "-" + std::to_string(far + 99'999);
    REQUIRE(ahead.send_request("GET", blob.path, {{"Range", "bytes=" + range}}));
    const auto head = ahead.read_head().value_or(ResponseHead{});
    CHECK(head.status == 206);
    CHECK(head.headers.value("Content-Range") == "bytes " + range + "/" + std::to_string(size));
    CHECK(head.headers.value("X-Cache") == "bypass");
    std::string body;
    if (!broken) body = ahead.read_body(200'000);  // although the fill stands still
    gate->release();
    if (broken) body = ahead.read_body(200'000);  // its rest is the fill's
    CHECK((body == blob.content.slice(far, 100'000)));
    CHECK(first.read_response(Body::hash).digest == blob.digest);
    CHECK(scene.ranges(blob.path) == std::vector<std::string>{"", "bytes=" + range});
    CHECK_SOON(scene.fills(), "ok 1");
    CHECK_SOON(scene.outcomes("blob"), broken ? "joined 1, miss 1" : "bypass 1, miss 1");
    CHECK(scene.sent("bypass") == (broken ? 60'000 : 100'000));
    CHECK(scene.received() == static_cast<double>(size) + scene.sent("bypass"));
  }
}

TEST_CASE("a far range waits for the fill where the upstream knows no ranges, or fails (pain 18)") {
  const std::uint64_t size = 40 * kMiB, far = 36 * kMiB;
  for (const auto& action : {ignoring_range(), answer(503), answer(429)}) {
    Growing scene(size, kMiB);
    auto& [blob, gate, first] = scene.parts;
    scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = action});
    HttpClient ahead(scene.weir.url());
    REQUIRE(ahead.send_request("GET", blob.path, {{"Range", "bytes=" + std::to_string(far) + "-" + std::to_string(far + 9)}}));
    CHECK(ahead.read_head().value_or(ResponseHead{}).headers.value("X-Cache") == "joined");
    gate->release();
    CHECK(ahead.read_body(100) == blob.content.slice(far, 10));
    CHECK(first.read_response(Body::hash).digest == blob.digest);
    CHECK_SOON(scene.fills(), "ok 1");
  }
}

TEST_CASE("a range of a cold blob fetches the blob once and is cut from it (pain 18)") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  auto response = scene.get(blob.path, {{"Range", "bytes=900000-900099"}});
  CHECK(response.status == 206);
  CHECK(response.body == blob.content.slice(900'000, 100));
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.get(blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
  CHECK(scene.whole_gets(blob.path) == 1);
  CHECK(scene.gets(blob.path) == 1);
}

TEST_CASE("of a growing blob of unknown size the whole is answered") {
  Scene scene;
  auto blob = scene.put_blob(kSize);
  scene.upstream.add_rule({.path = exactly(blob.path), .action = framed(Framing::chunked)});
  auto response = scene.get(blob.path, {{"Range", "bytes=5-9"}}, Body::hash);
  CHECK(response.status == 200);
  CHECK(response.digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.get(blob.path, {{"Range", "bytes=5-9"}}).body == blob.content.slice(5, 5));
}

TEST_CASE("a range that lies beyond the end is 416 and names the size") {
  for (bool warm : {true, false}) {
    Ranged scene(warm);
    for (const char* range : {"bytes=1048576-", "bytes=9999999-10000000", "bytes=-0"}) {
      auto response = scene.range(range);
      CHECK_MESSAGE(response.status == 416, std::string(range));
      CHECK(response.headers.value("Content-Range") == "bytes */1048576");
      CHECK(error_code(response) == "RANGE_INVALID");
    }
  }
}

TEST_CASE("a Range that is none is ignored: the whole is always a right answer") {
  Ranged scene(true);
  for (const char* range : {"bytes", "bytes=", "bytes=a-b", "bytes=5-2", "lines=0-5", "bytes=0-1;2", "bytes=--5", "bytes=1-2-3",
                            "bytes=99999999999999999999999-", "0-5"}) {
    auto response = scene.range(range);
    CHECK_MESSAGE((response.status == 200 || response.status == 416), std::string(range));
    if (response.status == 200) CHECK(response.length == kSize);
  }
}

TEST_CASE("several ranges come as multipart/byteranges, in the order asked for, warm and growing (pain 18)") {
  for (bool warm : {true, false}) {
    Ranged scene(warm);
    const std::vector<std::pair<std::uint64_t, std::uint64_t>> wanted{{5000, 100}, {0, 1}, {300'000, 65'536}, {5050, 100}};
    std::string value = "bytes=";
    for (auto [begin, count] : wanted) {
      value += (value.ends_with("=") ? "" : ", ") + std::to_string(begin) + "-" + std::to_string(begin + count - 1);
    }
    auto response = scene.range(value);
    CHECK(response.status == 206);
    CHECK(response.complete);
    CHECK(response.headers.value("Docker-Content-Digest") == scene.blob.digest);
    CHECK(!response.headers.has("Content-Range"));
    auto parts = parts_of(response);
    REQUIRE(parts.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      auto [begin, count] = wanted[i];
      CHECK(parts[i].range == "bytes " + std::to_string(begin) + "-" + std::to_string(begin + count - 1) + "/1048576");
      CHECK((parts[i].body == scene.blob.content.slice(begin, count)));
    }
    CHECK(scene.gets(scene.blob.path) == 1);
  }
}

TEST_CASE("of several ranges those beyond the end are left out; when all are it is 416") {
  Ranged scene(true);
  auto some = scene.range("bytes=0-9,2000000-,100-109");
  CHECK(some.status == 206);
  auto parts = parts_of(some);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].body == scene.blob.content.slice(0, 10));
  CHECK(parts[1].body == scene.blob.content.slice(100, 10));
  CHECK(scene.range("bytes=2000000-,3000000-3000001").status == 416);
  auto one = scene.range("bytes=0-9,2000000-");
  CHECK(one.status == 206);
  CHECK(one.length < 1000);
}

TEST_CASE("a thousand overlapping ranges cost no more than the blob") {
  Ranged scene(true);
  std::string value = "bytes=0-";
  for (int i = 1; i < 1000; ++i) value += "," + std::to_string(i) + "-";
  auto response = scene.range(value);
  CHECK((response.status == 200 || response.status == 416 || response.status == 206));
  CHECK(response.length < 3 * kSize);
}

TEST_CASE("HEAD ignores Range, and If-None-Match comes before it") {
  Ranged scene(true);
  auto head = scene.head(scene.blob.path, {{"Range", "bytes=0-9"}});
  CHECK((head.status == 200 || head.status == 206));
  if (head.status == 200) CHECK(head.headers.value("Content-Length") == "1048576");
  auto unchanged = scene.get(scene.blob.path, {{"Range", "bytes=0-9"}, {"If-None-Match", "\"" + scene.blob.digest + "\""}});
  CHECK(unchanged.status == 304);
}

TEST_CASE("If-Range that names other bytes gives the whole") {
  Ranged scene(true);
  CHECK(scene.get(scene.blob.path, {{"Range", "bytes=0-9"}, {"If-Range", "\"" + scene.blob.digest + "\""}}).status == 206);
  auto whole = scene.get(scene.blob.path, {{"Range", "bytes=0-9"}, {"If-Range", "\"another\""}}, Body::hash);
  CHECK(whole.status == 200);
  CHECK(whole.digest == scene.blob.digest);
}

}  // namespace weir::testing
