#pragma once
// OneBlob: a scripted upstream with one blob of a mebibyte in one repository.

#include <doctest/doctest.h>

#include "tests/support/content.h"
#include "tests/support/http_client.h"
#include "tests/support/image.h"
#include "tests/support/scripted_upstream.h"

namespace weir::testing {

inline constexpr std::uint64_t kMiB = 1 << 20;

struct OneBlob {
  ScriptedUpstream upstream;
  Content content = Content::generated(kMiB, 42);
  std::string digest = upstream.registry().put_blob("library/a", content);
  std::string path = blob_path("library/a", digest);

  Response get(const Headers& headers = {}) { return HttpClient(upstream.url()).get(path, headers); }
  void once(Action action) { upstream.add_rule({.method = "GET", .path = "/blobs/", .times = 1, .action = action}); }
};

}  // namespace weir::testing
