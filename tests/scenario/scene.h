// What most scenarios begin with: one scripted upstream, named `up` and the default, and the real program in front of
// it. A request for /v2/app/... therefore means up/app.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/support/content.h"
#include "tests/support/http_client.h"
#include "tests/support/image.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/wait.h"
#include "tests/support/weir_process.h"

namespace weir::testing {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

// The part of a whole response that waits for the digest.
inline constexpr std::uint64_t kLastPiece = 64 * kKiB;

// Under a sanitizer bytes are dear and memory says nothing; $WEIR_SANITIZED says so of the program under test.
bool sanitized();

// Waits until the two are equal, then checks it: for what a program counts just after a client has its answer.
#define CHECK_SOON(actual, expected)                                                                       \
  do {                                                                                                     \
    (void)::weir::testing::wait_until([&] { return (actual) == (expected); }, ::weir::testing::kPatience); \
    CHECK((actual) == (expected));                                                                         \
  } while (false)

struct SceneOptions {
  std::string upstream = {};                       // more lines of the section [upstream.up]
  std::string sections = {};                       // more sections, whole
  UpstreamOptions server = {};                     // the scripted one
  std::map<std::string, std::string> environment = {};  // of the program
  std::map<std::string, std::string> files = {};   // name -> text, written to {directory} before the start
  std::string host = {};                           // the upstream's name in the configuration; empty: 127.0.0.1
  bool start = true;
};

struct Blob {
  Content content;
  std::string digest;
  std::string path;  // /v2/app/blobs/...
};

struct Scene {
  explicit Scene(const SceneOptions& options = {});
  ~Scene();  // fails the test when a sanitizer has found something in the program

  ScriptedUpstream upstream;
  WeirProcess weir;

  // A blob of that size in `repository` of the upstream.
  Blob put_blob(std::uint64_t size, std::uint64_t seed = 1, const std::string& repository = "app");

  // A whole exchange with the program, on a connection of its own.
  Response get(const std::string& target, const Headers& headers = {}, Body mode = Body::keep) const;
  Response head(const std::string& target, const Headers& headers = {}) const;

  // What the upstream was asked for: GETs of that path, and those of them for a whole blob (no Range).
  std::size_t gets(const std::string& path);
  std::size_t whole_gets(const std::string& path);
  std::vector<std::string> ranges(const std::string& path);  // the Range of each, "" where it has none

  // The counters as a sentence: "hit 2, joined 99, miss 1" of weir_requests_total, only what is not 0; of one route, or
  // of all.
  std::string outcomes(const std::string& route = "") const;
  std::string fills() const;  // "corrupt 1, ok 1" of weir_fills_total
  double received() const { return weir.metric("weir_upstream_received_bytes_total"); }
  double sent(const std::string& outcome) const { return weir.metric("weir_sent_bytes_total", {{"outcome", outcome}}); }

  // Files in a folder of the store, by name; with everything below it.
  std::vector<std::string> stored(const std::string& folder) const;
  std::vector<std::string> partials() const { return stored("partial"); }
  std::string partial_file(const std::string& digest) const;
  std::string blob_file(const std::string& digest) const;
};

// The [upstream.up] section of a scene; for set_configuration().
std::string up_section(const ScriptedUpstream& upstream, const std::string& lines = "", const std::string& host = "");

// The code in an error document of the distribution specification; empty when it is none.
std::string error_code(const Response& response);

// Reads the rest of the body and compares it on the way, which is a good deal cheaper than to hash it.
bool body_is(HttpClient& client, const std::string& expected);

std::uint64_t file_size(const std::string& path);  // 0 when there is none

}  // namespace weir::testing
