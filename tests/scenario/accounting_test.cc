// What was counted and logged is what was on the wire (pain 25).
#include <atomic>
#include <sstream>
#include <thread>

#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

// The members of one flat JSON object; empty when the line is none.
using Line = std::map<std::string, std::string>;

Line parse_line(const std::string& text) {
  Line line;
  std::size_t at = 1;
  auto word = [&] {
    std::string value;
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
        value += text[at];
      }
      ++at;
    } else {
      while (at < text.size() && text[at] != ',' && text[at] != '}') value += text[at++];
    }
    return value;
  };
  if (!text.starts_with('{') || !text.ends_with('}')) return {};
  while (at < text.size()) {
    auto name = word();
    if (at >= text.size() || text[at] != ':') return {};
    ++at;
    line[name] = word();
    ++at;  // the comma, or the end
  }
  return line;
}

std::vector<Line> access_lines(const Scene& scene) {
  std::vector<Line> lines;
  std::istringstream log(scene.weir.log());
  for (std::string text; std::getline(log, text) && !log.eof();) {  // a line without its end is being written
    auto line = parse_line(text);
    CHECK_MESSAGE(!line.empty(), text);
    if (line["event"] == "access") lines.push_back(line);
  }
  return lines;
}

std::vector<Line> wait_for_lines(const Scene& scene, std::size_t count) {
  CHECK_SOON(access_lines(scene).size(), count);
  return access_lines(scene);
}

double sum_of_sent(const Scene& scene) { return scene.weir.metric("weir_sent_bytes_total"); }

}  // namespace

TEST_CASE("each request has one line with the named fields") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(100'000, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  auto layer = blob_path("app", image.layer_digest(0));
  HttpClient client(scene.weir.url());
  Headers agent{{"User-Agent", "node \"seven\"\\"}};
  CHECK(client.get(manifest_path("app", "latest"), agent).status == 200);
  CHECK(client.get(layer, agent).status == 200);
  CHECK(client.get(layer, {{"Range", "bytes=5-14"}}).status == 206);
  CHECK(client.head(layer).status == 200);
  CHECK(client.get(manifest_path("app", "none")).status == 404);
  CHECK(client.get("/v2/").status == 200);
  CHECK(client.exchange("DELETE", layer).status == 405);
  auto lines = wait_for_lines(scene, 7);
  REQUIRE(lines.size() == 7);
  for (auto& line : lines) {
    for (const char* name : {"time", "identity", "client", "method", "route", "repository", "reference", "outcome", "status",
                             "bytes", "first_byte_us", "upstream_us", "duration_us", "complete", "user_agent", "error"}) {
      CHECK_MESSAGE(line.contains(name), std::string(name));
    }
    CHECK(line["identity"] == "anonymous");
    CHECK(line["client"].starts_with("127.0.0.1:"));
    CHECK(line["complete"] == "yes");
  }
  auto check = [&](std::size_t i, const std::string& expected) {
    auto& line = lines[i];
    CHECK(line["method"] + " " + line["route"] + " " + line["repository"] + " " + line["reference"] + " " + line["outcome"] +
              " " + line["status"] + " " + line["bytes"] ==
          expected);
  };
  check(0, "GET manifest up/app latest miss 200 " + std::to_string(image.size()));
  check(1, "GET blob up/app " + image.layer_digest(0) + " miss 200 100000");
  CHECK((lines[2]["outcome"] == "hit" || lines[2]["outcome"] == "joined"));
  CHECK(lines[2]["bytes"] == "10");
  CHECK(lines[3]["method"] + lines[3]["bytes"] + lines[3]["outcome"] == "HEAD0hit");
  CHECK(lines[4]["outcome"] == "error");
  CHECK(lines[4]["error"] != "");
  CHECK(lines[5]["outcome"] + lines[5]["route"] == "bypassbase");
  CHECK(lines[6]["status"] == "405");
  CHECK(lines[0]["user_agent"] == "node \"seven\"\\");
}

TEST_CASE("an answer that was cut is logged with the bytes that went out and is not called complete") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 300'000);
  scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = corrupted_at(10)});
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path));
  REQUIRE(client.read_head());
  CHECK(client.read_body(300'000).size() == 300'000);
  gate->release();
  auto rest = client.finish_body(Body::count);
  CHECK(!rest.complete);
  auto lines = wait_for_lines(scene, 1);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["complete"] == "no");
  CHECK(lines[0]["error"].find("digest") != std::string::npos);
  CHECK(std::stoull(lines[0]["bytes"]) <= kMiB - kLastPiece);
  CHECK(std::stoull(lines[0]["bytes"]) >= 300'000 + rest.length);
  CHECK(scene.sent("miss") == std::stod(lines[0]["bytes"]));
}

TEST_CASE("the bytes counted as sent are those that clients hold, by outcome and in sum (pain 25)") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(400'000, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  std::map<std::string, std::uint64_t> held;
  std::mutex mutex;
  auto pull = [&](const std::string& target, const Headers& headers = {}) {
    auto response = scene.get(target, headers, Body::count);
    CHECK(response.complete);
    std::lock_guard lock(mutex);
    auto outcome = response.headers.value("X-Cache");
    held[!outcome.empty() ? outcome : response.status == 200 ? "bypass" : "error"] += response.length;
  };
  pull(manifest_path("app", "latest"));
  pull(manifest_path("app", "none"));
  pull("/v2/");
  pull("/nothing");
  {
    std::vector<std::jthread> nodes;
    for (int i = 0; i < 10; ++i) {
      nodes.emplace_back([&] {
        pull(blob_path("app", image.layer_digest(0)));
        pull(blob_path("app", image.layer_digest(0)), {{"Range", "bytes=0-9,50-59,399999-"}});
        pull(blob_path("app", image.config_digest()));
        pull(manifest_path("app", image.digest()));
      });
    }
  }
  CHECK(scene.head(blob_path("app", image.layer_digest(0))).status == 200);
  std::uint64_t sum = 0;
  for (const auto& [outcome, bytes] : held) {
    CAPTURE(outcome);
    CHECK_SOON(scene.sent(outcome), static_cast<double>(bytes));
    sum += bytes;
  }
  CHECK(sum_of_sent(scene) == static_cast<double>(sum));
  auto lines = wait_for_lines(scene, 45);
  std::uint64_t logged = 0;
  for (auto& line : lines) logged += std::stoull(line["bytes"]);
  CHECK(logged == sum);
}

TEST_CASE("bytes to clients that leave are counted as far as they were written, never less than arrived (pain 25)") {
  Scene scene;
  auto blob = scene.put_blob(16 * kMiB);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  std::uint64_t arrived = 0;
  for (int i = 0; i < 5; ++i) {
    HttpClient client(scene.weir.url(), {.receive_buffer = 65536});
    REQUIRE(client.send_request("GET", blob.path));
    REQUIRE(client.read_head());
    arrived += client.read_body(1'000'000).size();
    client.reset();
  }
  CHECK_SOON(scene.outcomes("blob"), "hit 5, miss 1");
  CHECK(scene.sent("hit") >= static_cast<double>(arrived));
  CHECK(scene.sent("hit") < 5.0 * 16 * kMiB);
  auto lines = wait_for_lines(scene, 6);
  std::uint64_t logged = 0;
  for (auto& line : lines) {
    if (line["outcome"] != "hit") continue;
    logged += std::stoull(line["bytes"]);
    CHECK(line["complete"] == "no");
  }
  CHECK(scene.sent("hit") == static_cast<double>(logged));
}

TEST_CASE("X-Cache, the log and the counters use the same word (pain 25)") {
  Scene scene({.sections = "[cache]\ntag-ttl = 0\n"});
  auto image = make_image({.layers = {Content::generated(200'000, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  auto layer = blob_path("app", image.layer_digest(0));
  std::map<std::string, int> said;
  auto note = [&](const Headers& headers) { ++said[headers.value("X-Cache")]; };
  note(scene.get(manifest_path("app", "latest")).headers);
  auto gate = scene.upstream.hold(exactly(layer), 100'000);
  HttpClient first(scene.weir.url());
  REQUIRE(first.send_request("GET", layer));
  REQUIRE(gate->wait_until_reached());
  HttpClient second(scene.weir.url());
  REQUIRE(second.send_request("GET", layer));
  auto joined = second.read_head().value_or(ResponseHead{});
  note(joined.headers);
  gate->release();
  note(first.read_response(Body::count).headers);
  CHECK(second.finish_body(Body::count).complete);
  CHECK_SOON(scene.fills(), "ok 1");
  note(scene.get(layer).headers);
  note(scene.get(manifest_path("app", image.digest())).headers);
  scene.upstream.stop();
  note(scene.get(manifest_path("app", "latest")).headers);
  CHECK((said == std::map<std::string, int>{{"hit", 2}, {"joined", 1}, {"miss", 2}, {"stale", 1}}));
  CHECK_SOON(scene.outcomes(), "hit 2, joined 1, miss 2, stale 1");
  std::map<std::string, int> logged;
  for (auto& line : wait_for_lines(scene, 6)) ++logged[line["outcome"]];
  CHECK(logged == said);
}

TEST_CASE("what is received from an upstream is counted as it was on the wire: manifests, blobs, possession proofs, broken pieces") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(400'000, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  image.put(scene.upstream.registry(), "other");
  auto layer = blob_path("app", image.layer_digest(0));
  scene.upstream.add_rule({.path = exactly(layer), .times = 1, .action = truncated_after(123'456)});
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(layer).digest == image.layer_digest(0));
  CHECK(scene.get(blob_path("other", image.layer_digest(0))).status == 200);
  REQUIRE(scene.upstream.journal().wait_until_idle());
  CHECK_SOON(scene.received(), static_cast<double>(image.size() + 400'000 + 256));
  CHECK(scene.received() == static_cast<double>(scene.upstream.journal().body_bytes()));
  CHECK(scene.weir.metric("weir_upstream_requests_total", {{"upstream", "up"}, {"method", "GET"}, {"code", "200"}}) == 2);
  CHECK(scene.weir.metric("weir_upstream_requests_total", {{"code", "206"}}) == 2);
}

TEST_CASE("a line of the log stays a line, whatever a client writes into its request") {
  Scene scene;
  CHECK(scene.get("/v2/a%0ab/manifests/x%0d%0ay").status == 400);
  CHECK(scene.get(manifest_path("app", "latest"), {{"User-Agent", "a\tb\x80\xff{}\"" + std::string(500, 'z')}}).status == 404);
  auto lines = wait_for_lines(scene, 2);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["user_agent"].size() < 300);
}

TEST_CASE("the access log can be off, and the rest stays") {
  Scene scene({.sections = "[log]\naccess = off\n"});
  CHECK(scene.get("/v2/").status == 200);
  CHECK(scene.weir.terminate() == 0);
  CHECK(access_lines(scene).empty());
  CHECK(scene.weir.log().find("serving") != std::string::npos);
}

}  // namespace weir::testing
