#pragma once
// What one upstream can be told.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir {

// How an upstream is told who asks.
enum class UpstreamAuth {
  anonymous,  // tokens that anybody gets, where it wants tokens
  basic,      // user and password with every request to the upstream itself
  bearer,     // user and password for its token realm, the token for the upstream
  ecr,        // a token of Amazon ECR's, with AWS credentials found as Amazon's tools find them
};

// Who may see what was fetched from it.
enum class Visibility {
  everybody,  // it is public there, and here as well
  shared,     // fetched with this site's credentials, for all whom this site lets in
  client,     // for callers whose own credentials the upstream takes for that repository
};

struct UpstreamOptions {
  std::string name;                     // of its section
  // http:// or https://, host, maybe port and path; where one fails the next is asked.
  std::vector<std::string> urls;
  // What `?ns=`, a path prefix and Host say; the first is the canonical one. Empty: the name.
  std::vector<std::string> namespaces;
  bool is_default = false;              // takes what names no namespace; one at most
  UpstreamAuth auth = UpstreamAuth::anonymous;
  std::string username;
  std::string password_file;
  std::string password;                 // the first line of password_file, read when the configuration is; never shown
  Visibility visibility = Visibility::shared;
  std::string region;                   // with ecr: of its API; empty: as the name of the registry's host says
  std::string ecr_endpoint;             // with ecr: the URL of its API; empty: the region's
  std::string sts_endpoint;             // with ecr: the URL of the service that gives roles; empty: the region's
  std::string proxy;                    // http:// or https://; empty: none, whatever the environment says
  std::string ca_file;                  // PEM, for an https:// proxy as well; empty: the system's
  std::string tls_certificate;          // PEM; what the upstream itself is shown where it asks for one; with tls_key
  std::string tls_key;                  // PEM
  // HOST or HOST:PORT that may issue its tokens besides its own hosts, at whatever address they have.
  std::vector<std::string> token_realms;
  std::optional<Milliseconds> tag_ttl;  // instead of [cache] tag-ttl
  // Percent of what its ratelimit headers grant: with less left, tags are believed for the whole of their window. 0: never longer.
  unsigned allowance_floor = 20;
  unsigned max_concurrency = 16;  // transfers at once, over all loops; more wait
  Milliseconds connect_timeout = Seconds(2);
  Milliseconds first_byte_timeout = Seconds(10);
  Milliseconds stall_timeout = Seconds(30);  // without a byte of a body; a whole transfer has no limit
};

}  // namespace weir
