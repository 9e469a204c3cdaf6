#pragma once
// Route: which endpoint of the distribution API a URL means (distribution-spec, "Endpoints"), or of where its tokens come from.

#include <optional>
#include <string>
#include <string_view>

#include "oci/errors.h"
#include "oci/name.h"
#include "oci/reference.h"

namespace weir {

struct Route {
  enum class Kind { base, manifest, blob, uploads, tags, referrers, token, keys };
  Kind kind = Kind::base;
  RepositoryPath path;                 // all but base, token and keys
  std::optional<Reference> reference;  // manifest: tag or digest; blob, referrers: digest

  bool names_repository() const noexcept { return !path.text().empty(); }
  // The kind's name in logs and counters.
  std::string_view name() const noexcept;
};

struct RouteError {
  ErrorCode code;
  int status;
  std::string detail;
};

// `path` is the URL's path without its query, percent-encoded as it came.
// What is no endpoint is 404; a bad name, tag or digest is 400 with the code that says which.
std::variant<Route, RouteError> parse_route(std::string_view path);

// The value of a query parameter, percent-decoded; nothing when absent or badly encoded.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace weir
