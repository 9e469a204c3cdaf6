// What the ledger says is what was counted, and what was counted was on the wire; budgets, and what an upstream still grants.
// The kills: WEIR_KILLS (5) times.
#include <atomic>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>

#include "tests/scenario/dice.h"
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

constexpr const char* kMetering = "[meter]\nflush-interval = 100ms\n[log]\naccess = off\n";

struct ReportLine {
  std::map<std::string, std::string> keys;
  std::uint64_t requests = 0, sent = 0, asked = 0, received = 0, stored = 0;
};

std::vector<std::string> comma_fields(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
  return fields;
}

// `weir report usage --by BY` on the scene's store, whether the program runs or not.
std::vector<ReportLine> report_by(const Scene& scene, const std::string& by) {
  const auto result = run_weir(
      {"report", "usage", "--by", by, "--format", "csv", "--set", "cache.directory=" + scene.weir.path("store")});
  REQUIRE_MESSAGE(result.exit_code == 0, result.error);
  std::istringstream text(result.output);
  std::string line;
  std::getline(text, line);
  const auto names = comma_fields(line.substr(0, line.find('\r')));
  std::vector<ReportLine> lines;
  while (std::getline(text, line)) {
    const auto fields = comma_fields(line.substr(0, line.find('\r')));
    REQUIRE(fields.size() == names.size());
    auto& row = lines.emplace_back();
    const std::map<std::string, std::uint64_t ReportLine::*> figures{{"requests", &ReportLine::requests},
                                                                     {"sent_bytes", &ReportLine::sent},
                                                                     {"upstream_requests", &ReportLine::asked},
                                                                     {"received_bytes", &ReportLine::received},
                                                                     {"stored_byte_hours", &ReportLine::stored}};
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (const auto figure = figures.find(names[i]); figure != figures.end()) row.*figure->second = std::stoull(fields[i]);
      else row.keys[names[i]] = fields[i];
    }
  }
  return lines;
}

ReportLine total_of(const Scene& scene) {
  ReportLine total;
  for (const auto& line : report_by(scene, "upstream")) {
    total.requests += line.requests;
    total.sent += line.sent;
    total.asked += line.asked;
    total.received += line.received;
  }
  return total;
}

// The ledger is what the counters are, outcome by outcome.
void check_against_counters(const Scene& scene) {
  const auto metrics = scene.weir.metrics();
  std::uint64_t asked = 0, received = 0;
  std::map<std::string, ReportLine> by_outcome;
  for (const auto& line : report_by(scene, "outcome")) {
    by_outcome[line.keys.at("outcome")] = line;
    asked += line.asked;
    received += line.received;
  }
  for (const char* outcome : {"hit", "joined", "miss", "stale", "bypass", "denied", "error"}) {
    CAPTURE(outcome);
    CHECK(static_cast<double>(by_outcome[outcome].requests) == metrics.value("weir_requests_total", {{"outcome", outcome}}));
    CHECK(static_cast<double>(by_outcome[outcome].sent) == metrics.value("weir_sent_bytes_total", {{"outcome", outcome}}));
  }
  CHECK(static_cast<double>(asked) == metrics.value("weir_upstream_requests_total"));
  CHECK(static_cast<double>(received) == metrics.value("weir_upstream_received_bytes_total"));
}

// What clients hold, by repository.
class Taps {
 public:
  void add(const std::string& repository, std::uint64_t bytes) {
    std::lock_guard lock(mutex_);
    bytes_[repository] += bytes;
  }
  std::uint64_t of(const std::string& repository) {
    std::lock_guard lock(mutex_);
    return bytes_[repository];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> bytes_;  // guarded by mutex_
};

}  // namespace

TEST_CASE(
    "fifty clients with ranges, joins, errors and departures: ledger, counters and both wires agree on every byte of a body") {
  constexpr int kClients = 50;
  const unsigned rounds = from_environment("WEIR_METERING_ROUNDS", 12);
  const unsigned seed = from_environment("WEIR_CHAOS_SEED", std::random_device{}());
  CAPTURE(seed);
  Dice dice(seed);
  Scene scene({.sections = std::string("[cache]\ntag-ttl = 0\nnegative-ttl = 10ms\n") + kMetering});
  const std::string repositories[] = {"app", "team/tool", "left"};
  std::vector<std::vector<Blob>> blobs(3);
  std::vector<Image> images;
  for (std::size_t r = 0; r < 3; ++r) {
    for (int i = 0; i < 30; ++i) {
      const auto size = i % 10 == 0 ? kMiB + dice.roll(2 * kMiB) : 1 + dice.roll(60'000);
      blobs[r].push_back(scene.put_blob(size, 1000 * r + static_cast<std::uint64_t>(i), repositories[r]));
      blobs[r].back().content.digest();
    }
    images.push_back(make_image({.layers = {"layer " + std::to_string(r)}}));
    images.back().put(scene.upstream.registry(), repositories[r], "latest");
  }
  // Faults whose bytes all arrive: an end too soon, refusals, other bytes than the digest says.
  for (int i = 0; i < 6; ++i) {
    const auto& blob = blobs[dice.roll(3)][dice.roll(30)];
    scene.upstream.add_rule({.path = exactly(blob.path), .times = 1, .action = truncated_after(dice.roll(blob.content.size()))});
    scene.upstream.add_rule(
        {.path = exactly(blobs[dice.roll(2)][dice.roll(30)].path), .times = 1, .action = answer(500, "not today")});
    const auto& wrong = blobs[dice.roll(2)][dice.roll(30)];
    scene.upstream.add_rule({.path = exactly(wrong.path), .times = 1, .action = corrupted_at(dice.roll(wrong.content.size()))});
  }
  Taps taps;
  std::atomic<unsigned> departed = 0;
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        Dice own(seed + 1 + static_cast<unsigned>(c));
        auto client = std::make_unique<HttpClient>(scene.weir.url());
        for (unsigned i = 0; i < rounds; ++i) {
          if (!client->connected()) client = std::make_unique<HttpClient>(scene.weir.url());
          const auto r = own.roll(10) < 7 ? own.roll(2) : 2;  // the third is the one that clients leave
          const auto& blob = blobs[r][own.roll(30)];
          Headers headers;
          std::string target = blob.path;
          if (own.one_in(8)) target = manifest_path(repositories[r], own.one_in(4) ? "none" : "latest");
          else if (own.one_in(3)) headers.add("Range", "bytes=" + std::to_string(own.roll(blob.content.size())) + '-');
          if (!client->send_request("GET", target, headers)) continue;
          const auto head = client->read_head();
          if (!head) {
            client->close();
            continue;
          }
          if (r == 2 && own.one_in(2)) {
            taps.add(repositories[r], client->read_body(own.roll(5000)).size());
            client->reset();
            departed.fetch_add(1);
            continue;
          }
          const auto response = client->finish_body(Body::count);
          taps.add(repositories[r], response.length);
          if (!response.complete) client->close();
        }
      });
    }
  }
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  CHECK_SOON(scene.weir.metric("weir_fills_active"), 0);
  REQUIRE(scene.upstream.journal().wait_until_idle());
  CHECK(departed.load() > 0);
  check_against_counters(scene);
  std::uint64_t received = 0;
  for (const auto& line : report_by(scene, "repository")) {
    received += line.received;
    const auto name = line.keys.at("repository");
    if (name == "up/left") CHECK(line.sent >= taps.of("left"));
    else if (name.starts_with("up/")) CHECK_MESSAGE(line.sent == taps.of(name.substr(3)), name);
  }
  CHECK(received == scene.upstream.journal().body_bytes());
  const auto total = total_of(scene);
  MESSAGE(total.requests << " requests, " << total.sent << " bytes sent, " << total.received << " received, " << departed.load()
                         << " clients left");
}

TEST_CASE("kill -9 under load, again and again: every answer that was finished is in the ledger, and none is twice") {
  const unsigned kills = from_environment("WEIR_KILLS", 5);
  constexpr unsigned kPullers = 8;
  constexpr std::uint64_t kSize = 10'000;
  Scene scene({.sections = kMetering});
  std::vector<Blob> blobs;
  for (std::uint64_t i = 0; i < 20; ++i) {
    blobs.push_back(scene.put_blob(kSize, i));
    blobs.back().content.digest();
  }
  // Answered: another answer came behind it on its connection, so the one before was accounted. Asked: whatever was sent.
  std::atomic<std::uint64_t> answered = 0, asked = 0;
  Dice dice(from_environment("WEIR_KILL_SEED", std::random_device{}()));
  for (unsigned kill = 0; kill < kills; ++kill) {
    std::vector<std::jthread> clients;
    for (unsigned c = 0; c < kPullers; ++c) {
      clients.emplace_back([&, own = Dice(static_cast<unsigned>(dice.roll(1'000'000)))](const std::stop_token& stop) mutable {
        HttpClient client(scene.weir.url());
        for (bool before = false; !stop.stop_requested() && client.connected();) {
          if (!client.send_request("GET", blobs[own.roll(blobs.size())].path)) return;
          asked.fetch_add(1);
          if (!client.read_head()) return;
          if (before) answered.fetch_add(1);
          const auto response = client.finish_body(Body::count);
          if (!response.complete) return;
          before = true;
        }
      });
    }
    std::this_thread::sleep_for(Milliseconds(50 + dice.roll(400)));
    scene.weir.kill();
    for (auto& client : clients) client.request_stop();
    clients.clear();
    // Without a server: what it left is read and nothing is changed by that.
    const auto left = total_of(scene);
    CHECK(left.requests >= answered.load());
    CHECK(left.requests <= asked.load());
    CHECK(left.sent >= kSize * answered.load());
    CHECK(left.sent <= kSize * asked.load());
    CHECK(total_of(scene).requests == left.requests);
    REQUIRE(scene.weir.start());
    const auto taken_over = total_of(scene);
    CHECK(taken_over.requests == left.requests);
    CHECK(taken_over.sent == left.sent);
    CHECK(taken_over.received == left.received);
  }
  const auto total = total_of(scene);
  MESSAGE(kills << " kills, " << answered.load() << " answers surely finished, " << total.requests << " counted, " << asked
                << " asked for");
  CHECK(total.requests > 0);
}

TEST_CASE("what a fill brings is counted for who asked first and its repository, and what is delivered for who got it") {
  Scene scene({.sections = kMetering});
  const auto blob = scene.put_blob(100'000);
  CHECK(scene.get(blob.path).status == 200);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.get(blob.path).status == 200);
  CHECK(scene.get("/v2/app/blobs/sha256:" + std::string(64, '0')).status == 404);
  std::map<std::string, ReportLine> rows;
  CHECK(wait_until([&] {
    rows.clear();
    for (const auto& line : report_by(scene, "identity,team,repository,outcome")) {
      rows[line.keys.at("identity") + ' ' + line.keys.at("team") + ' ' + line.keys.at("repository") + ' ' +
           line.keys.at("outcome")] = line;
    }
    return rows["anonymous none up/app hit"].sent == 100'000;
  }));
  CHECK(rows["anonymous none up/app miss"].sent == 100'000);
  CHECK(rows["anonymous none up/app miss"].received == 100'000);
  CHECK(rows["anonymous none up/app miss"].asked == 1);
  CHECK(rows["anonymous none up/app error"].requests == 1);
  CHECK(rows["anonymous none up/app error"].asked >= 1);
}

TEST_CASE("beyond a budget's soft limit misses carry a warning, beyond the hard one they are refused; hits never are") {
  Scene scene(
      {.sections = "[cache]\ntag-ttl = 0\n[meter]\nflush-interval = 100ms\nbudget.small = team none, month, 150kB, 350kB\n"});
  auto image = make_image({.layers = {Content::generated(100, 9)}});
  image.put(scene.upstream.registry(), "app", "latest");
  std::vector<Blob> blobs;
  for (std::uint64_t i = 0; i < 4; ++i) blobs.push_back(scene.put_blob(200'000, i + 1));
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  const auto first = scene.get(blobs[0].path);
  CHECK(first.status == 200);
  CHECK(first.headers.value("Warning") == "");
  CHECK_SOON(scene.weir.metric("weir_budget_state", {{"budget", "small"}}), 1);
  const auto second = scene.get(blobs[1].path);
  CHECK(second.status == 200);
  CHECK(second.headers.value("Warning").starts_with("299 - \"budget small: team none has "));
  CHECK_SOON(scene.weir.metric("weir_budget_state", {{"budget", "small"}}), 2);
  const auto third = scene.get(blobs[2].path);
  CHECK(third.status == 429);
  CHECK(error_code(third) == "TOOMANYREQUESTS");
  CHECK(third.body.find("budget small") != std::string::npos);
  CHECK(scene.gets(blobs[2].path) == 0);
  CHECK_SOON(scene.fills(), "ok 2");
  const auto hit = scene.get(blobs[0].path);
  CHECK(hit.status == 200);
  CHECK(hit.headers.value("X-Cache") == "hit");
  CHECK(hit.headers.value("Warning") == "");
  CHECK(scene.get(manifest_path("app", "latest")).status == 200);
  CHECK(scene.get(manifest_path("app", "other")).status == 429);
  // A tag that moved is answered as it was.
  make_image({.layers = {"another"}}).put(scene.upstream.registry(), "app", "latest");
  const auto stale = scene.get(manifest_path("app", "latest"));
  CHECK(stale.status == 200);
  CHECK(stale.headers.value("X-Cache") == "stale");
  CHECK(stale.body == image.bytes());
  // The budget is raised, and all goes on.
  scene.weir.set_configuration(
      "[cache]\ntag-ttl = 0\n[meter]\nflush-interval = 100ms\nbudget.small = team none, month, 150kB, 100MB\n" +
      up_section(scene.upstream));
  scene.weir.hang_up();
  CHECK(wait_until([&] { return scene.get(blobs[2].path).status == 200; }));
}

TEST_CASE("made-up repository names do not detach what is fetched from its team's budget") {
  // The writer does not come by, so the loop's one block of cells stays full, and nothing is noted late.
  constexpr double kLimit = 1'000'000;
  Scene scene({.sections = "[server]\nthreads = 1\n[meter]\nflush-interval = 1h\nbudget.hard = team none, month, -, 1MB\n"});
  HttpClient client(scene.weir.address());
  for (int i = 0; i < 2500; ++i) REQUIRE(client.head(manifest_path("made-up" + std::to_string(i), "latest")).status == 404);
  bool refused = false;
  for (std::uint64_t i = 0; i < 10 && !refused; ++i) {
    const auto blob = scene.put_blob(200'000, i + 1);
    const bool over = scene.received() >= kLimit;
    refused = scene.get(blob.path).status == 429;
    CHECK(refused == over);
    CHECK(scene.gets(blob.path) == (over ? 0 : 1));
  }
  CHECK(refused);
}

TEST_CASE("a tag is asked for less when an upstream grants little more, as its ratelimit headers say (pain 7)") {
  Scene scene({.sections = "[cache]\ntag-ttl = 1s\n"});
  auto image = make_image({.layers = {"one"}});
  image.put(scene.upstream.registry(), "app", "latest");
  const auto target = manifest_path("app", "latest");
  const auto ask = [&] {
    std::this_thread::sleep_for(Milliseconds(1100));
    CHECK(scene.get(target).status == 200);
  };
  auto granted = with_header("ratelimit-limit", "100;w=21600");
  granted.headers.add("ratelimit-remaining", "80;w=21600");
  scene.upstream.add_rule({.path = "/manifests/", .action = granted});
  for (int i = 0; i < 2; ++i) ask();
  CHECK(scene.upstream.journal().count("", exactly(target)) == 2);
  CHECK(scene.weir.metric("weir_upstream_allowance_limit", {{"upstream", "up"}}) == 100);
  CHECK(scene.weir.metric("weir_upstream_allowance_remaining", {{"upstream", "up"}}) == 80);
  scene.upstream.clear_rules();
  auto scarce = with_header("ratelimit-limit", "100;w=21600");
  scarce.headers.add("ratelimit-remaining", "7;w=21600");
  scene.upstream.add_rule({.path = "/manifests/", .action = scarce});
  for (int i = 0; i < 3; ++i) ask();
  CHECK(scene.upstream.journal().count("", exactly(target)) == 3);
  CHECK(scene.weir.metric("weir_upstream_allowance_remaining", {{"upstream", "up"}}) == 7);
}

TEST_CASE("a wrong file of prices never starts, and says where it is wrong") {
  Scene scene({.sections = "[price]\nfile = {directory}/prices\n",
               .files = {{"prices", "up transfer-gb 0.1\nup transfer-gb much\n"}},
               .start = false});
  CHECK_FALSE(scene.weir.start());
  CHECK(scene.weir.log().find("prices:2:16: \"much\" is no price") != std::string::npos);
}

}  // namespace weir::testing
