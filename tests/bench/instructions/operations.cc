#include "tests/bench/instructions/operations.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>

#include "tests/bench/instructions/counted_weir.h"
#include "tests/support/content.h"
#include "tests/support/http_client.h"
#include "tests/support/image.h"
#include "tests/support/scripted_upstream.h"

namespace weir::bench {
namespace {

using testing::Body;
using testing::Content;
using testing::HttpClient;
using testing::ScriptedUpstream;

constexpr int kHits = 300;
constexpr int kRepeats = 3;  // of which the middle one counts
constexpr int kMisses = 60;
constexpr int kJoinRounds = 12;
constexpr int kJoiners = 5;
constexpr std::uint64_t kBlob = 16 * 1024;
constexpr int kTeams = 20;    // repositories that are asked for in turn
constexpr int kRules = 1000;

std::string team(int number) { return "team-" + std::to_string(number); }

// Ten rules a team, of every kind; those of teams that nobody asks for are there to be passed over.
std::string rules() {
  std::string text;
  for (int i = 0; i < kRules; ++i) {
    const auto repositories = "up/" + team(i / 10);
    text += "rule-" + std::to_string(i) + ' ';
    switch (i % 10) {
      case 0: text += "deny * pull " + repositories + "/** tag=bad*\n"; break;
      case 1: text += "allow node/" + team(i / 10) + "-* pull **\n"; break;
      case 2: text += "allow * pull,push " + repositories + "/app-rc\n"; break;
      case 3: text += "allow * pull **/" + team(i / 10) + "/app from=10.7.0.0/16\n"; break;
      case 4: text += "allow * pull " + repositories + "/*\n"; break;
      case 5: text += "deny * pull " + repositories + "/*pp tag=v*,old from=192.168.0.0/16\n"; break;
      case 6: text += "allow * * u*/" + team(i / 10) + "/app by-digest-only\n"; break;
      case 7: text += "allow * pull ~up/" + team(i / 10) + "/[a-z]+(-v[0-9]{1,3})?\n"; break;
      case 8: text += "allow * pull " + repositories + "/app* upstream=up\n"; break;
      default: text += "deny node/" + team(i / 10) + "-* pull " + repositories + "/** time=Sat,Sun\n";
    }
  }
  return text;
}

std::string configuration(const ScriptedUpstream& upstream, const std::string& more) {
  return "[server]\nthreads = 1\n[cache]\ntag-ttl = 1h\nscrub-rate = 0\n[meter]\nflush-interval = 1h\n" + more +
         "[upstream.up]\nurl = " + upstream.url() + "\ndefault = yes\n";
}

struct Parts {
  ScriptedUpstream upstream;
  std::vector<std::string> blobs, tags;  // paths, one a team
  std::uint64_t made = 0;                // blobs that nobody has asked for before

  Parts() {
    for (int i = 0; i < kTeams; ++i) {
      const auto repository = team(i) + "/app";
      const auto image = testing::make_image({.layers = {Content::generated(kBlob, 1'000'000 + static_cast<unsigned>(i))}});
      image.put(upstream.registry(), repository, "latest");
      blobs.push_back(testing::blob_path(repository, image.layer_digest(0)));
      tags.push_back(testing::manifest_path(repository, "latest"));
    }
  }
  std::string new_blob() {
    const auto content = Content::generated(kBlob, ++made);
    return testing::blob_path("app", upstream.registry().put_blob("app", content));
  }
  std::vector<std::string> new_blobs(int count) {
    std::vector<std::string> paths;
    for (int i = 0; i < count; ++i) paths.push_back(new_blob());
    return paths;
  }
};

void expect(const testing::Response& response, const std::string& path, const std::string& state) {
  if (response.status != 200 || !response.complete || response.headers.value("X-Cache") != state)
    throw std::runtime_error("GET " + path + ": status " + std::to_string(response.status) + ", X-Cache '" +
                             response.headers.value("X-Cache") + "' instead of '" + state + "' " + response.failure);
}

void ask(CountedWeir& weir, HttpClient& client, const std::string& path, const std::string& state) {
  weir.rest();
  expect(client.get(path, {}, Body::count), path, state);
}

void ask_in_turn(CountedWeir& weir, HttpClient& client, const std::vector<std::string>& paths, int times, const std::string& state) {
  for (int i = 0; i < times; ++i) ask(weir, client, paths[static_cast<std::size_t>(i) % paths.size()], state);
}

std::int64_t difference(CountedWeir& weir, int operations, const std::function<void(int)>& run) {
  const auto once = weir.count([&] { run(operations); });
  const auto twice = weir.count([&] { run(2 * operations); });
  return (static_cast<std::int64_t>(twice) - static_cast<std::int64_t>(once)) / operations;
}

std::int64_t hits(CountedWeir& weir, HttpClient& client, const std::vector<std::string>& paths) {
  std::array<std::int64_t, kRepeats> all;
  for (auto& each : all) each = difference(weir, kHits, [&](int times) { ask_in_turn(weir, client, paths, times, "hit"); });
  std::ranges::sort(all);
  return all[kRepeats / 2];
}

std::int64_t misses(CountedWeir& weir, HttpClient& client, Parts& parts) {
  return difference(weir, kMisses, [&](int times) { ask_in_turn(weir, client, parts.new_blobs(times), times, "miss"); });
}

// One client makes the program fetch a blob, which the upstream holds back until the others have joined.
void join(CountedWeir& weir, Parts& parts, std::vector<std::unique_ptr<HttpClient>>& clients, int joiners) {
  const auto path = parts.new_blob();
  const auto gate = parts.upstream.hold(testing::exactly(path));
  for (int i = 0; i <= joiners; ++i) {
    weir.rest();
    if (!clients[static_cast<std::size_t>(i)]->send_request("GET", path)) throw std::runtime_error("a client cannot send");
    if (i == 0 && !gate->wait_until_reached()) throw std::runtime_error("the upstream is not asked for " + path);
  }
  weir.rest();
  gate->release();
  for (int i = 0; i <= joiners; ++i)
    expect(clients[static_cast<std::size_t>(i)]->read_response(Body::count), path, i == 0 ? "miss" : "joined");
}

std::int64_t joins(CountedWeir& weir, Parts& parts) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i <= 2 * kJoiners; ++i) {
    clients.push_back(std::make_unique<HttpClient>(weir.process().url()));
    ask(weir, *clients.back(), parts.blobs.front(), "hit");
  }
  const auto rounds = [&](int joiners) {
    for (int i = 0; i < kJoinRounds; ++i) join(weir, parts, clients, joiners);
  };
  return difference(weir, kJoiners, rounds) / kJoinRounds;
}

// Stores what is asked for, and everything that is done once for a connection and a name.
void warm(CountedWeir& weir, HttpClient& client, const Parts& parts) {
  ask_in_turn(weir, client, parts.tags, kTeams, "miss");
  ask_in_turn(weir, client, parts.blobs, kTeams, "miss");
  ask_in_turn(weir, client, parts.tags, 2 * kTeams, "hit");
  ask_in_turn(weir, client, parts.blobs, 2 * kTeams, "hit");
}

}  // namespace

std::vector<Figure> measure_operations() {
  Parts parts;
  std::vector<Figure> all;
  std::int64_t plain = 0;
  {
    CountedWeir weir(configuration(parts.upstream, ""), {});
    HttpClient client(weir.process().url());
    warm(weir, client, parts);
    plain = hits(weir, client, parts.blobs);
    all.push_back({"hit", plain});
    all.push_back({"tag-hit", hits(weir, client, parts.tags)});
    ask_in_turn(weir, client, parts.new_blobs(10), 10, "miss");
    all.push_back({"miss", misses(weir, client, parts)});
    all.push_back({"join", joins(weir, parts)});
  }
  CountedWeir weir(configuration(parts.upstream, "[policy]\nfile = {directory}/policy.rules\n"), {{"policy.rules", rules()}});
  HttpClient client(weir.process().url());
  warm(weir, client, parts);
  all.push_back({"decision", hits(weir, client, parts.blobs) - plain});
  return all;
}

}  // namespace weir::bench
