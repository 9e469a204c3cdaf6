#include "oci/route.h"

#include "base/text.h"

namespace weir {
namespace {

RouteError unknown(std::string_view path) {
  return {ErrorCode::UNSUPPORTED, 404, "no such endpoint: " + std::string(path.substr(0, 256))};
}

RouteError invalid(ErrorCode code, const Error& error) { return {code, 400, error.what}; }

}  // namespace

std::string_view Route::name() const noexcept {
  switch (kind) {
    case Kind::base: return "base";
    case Kind::manifest: return "manifest";
    case Kind::blob: return "blob";
    case Kind::uploads: return "uploads";
    case Kind::tags: return "tags";
    case Kind::referrers: return "referrers";
    case Kind::token: return "token";
    case Kind::keys: return "keys";
  }
  return "?";
}

std::variant<Route, RouteError> parse_route(std::string_view raw_path) {
  const auto decoded = percent_decode(raw_path);
  if (!decoded) return RouteError{ErrorCode::NAME_INVALID, 400, "a '%' in the URL is not followed by two hex digits"};
  std::string_view path = *decoded;
  if (path == "/v2" || path == "/v2/") return Route{};
  if (path == "/token") return Route{Route::Kind::token, {}, {}};
  if (path == "/.well-known/jwks.json") return Route{Route::Kind::keys, {}, {}};
  if (!path.starts_with("/v2/")) return unknown(path);
  path.remove_prefix(4);

  // NAME/VERB/REFERENCE, where NAME itself may contain any of the verbs.
  Route route;
  std::string_view name;
  const auto last = path.rfind('/');
  const auto verb_begin = last == std::string_view::npos || last == 0 ? std::string_view::npos : path.rfind('/', last - 1);
  if (const auto uploads = path.rfind("/blobs/uploads");
      uploads != std::string_view::npos && (path.substr(uploads + 14).find('/', 1) == std::string_view::npos &&
                                            (path.size() == uploads + 14 || path[uploads + 14] == '/'))) {
    route.kind = Route::Kind::uploads;
    name = path.substr(0, uploads);
  } else if (verb_begin == std::string_view::npos) {
    return unknown(path);
  } else {
    const auto verb = path.substr(verb_begin + 1, last - verb_begin - 1);
    const auto reference = path.substr(last + 1);
    name = path.substr(0, verb_begin);
    if (verb == "manifests") {
      route.kind = Route::Kind::manifest;
      auto parsed = Reference::parse(reference);
      if (!parsed) {
        const bool digest = reference.find(':') != std::string_view::npos;
        return invalid(digest ? ErrorCode::DIGEST_INVALID : ErrorCode::TAG_INVALID, parsed.error());
      }
      route.reference = *std::move(parsed);
    } else if (verb == "blobs" || verb == "referrers") {
      route.kind = verb == "blobs" ? Route::Kind::blob : Route::Kind::referrers;
      auto digest = Digest::parse(reference);
      if (!digest) return invalid(ErrorCode::DIGEST_INVALID, digest.error());
      route.reference = *std::move(digest);
    } else if (verb == "tags" && reference == "list") {
      route.kind = Route::Kind::tags;
    } else {
      return unknown(path);
    }
  }
  auto parsed = RepositoryPath::parse(name);
  if (!parsed) return invalid(ErrorCode::NAME_INVALID, parsed.error());
  route.path = *std::move(parsed);
  return route;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  for (const auto pair : split(query, '&')) {
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return percent_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace weir
