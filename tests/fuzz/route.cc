// URLs of requests: path, then `?`, then query.

#include "oci/route.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {

// The URL that means this route and nothing else.
std::string canonical(const Route& route) {
  const std::string name = "/v2/" + route.path.text();
  switch (route.kind) {
    case Route::Kind::base: return "/v2/";
    case Route::Kind::manifest: return name + "/manifests/" + route.reference->text();
    case Route::Kind::blob: return name + "/blobs/" + route.reference->text();
    case Route::Kind::uploads: return name + "/blobs/uploads/";
    case Route::Kind::tags: return name + "/tags/list";
    case Route::Kind::referrers: return name + "/referrers/" + route.reference->text();
    case Route::Kind::token: return "/token";
    case Route::Kind::keys: return "/.well-known/jwks.json";
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto target = as_text(data, size);
  const auto mark = target.find('?');
  const auto parsed = parse_route(target.substr(0, mark));
  if (const auto* wrong = std::get_if<RouteError>(&parsed)) {
    expect(wrong->status == 400 || wrong->status == 404, "a wrong URL is 400 or 404");
    expect(wrong->detail.size() < 1024, "what is repeated of it is bounded");
  } else {
    const auto& route = std::get<Route>(parsed);
    const bool nameless = route.kind == Route::Kind::base || route.kind == Route::Kind::token || route.kind == Route::Kind::keys;
    expect(nameless != route.names_repository(), "every route but the base and those of tokens has a name");
    if (!nameless) expect(RepositoryPath::parse(route.path.text()).ok(), "the name is one");
    const bool digest_only = route.kind == Route::Kind::blob || route.kind == Route::Kind::referrers;
    expect(route.reference.has_value() == (digest_only || route.kind == Route::Kind::manifest), "what has a reference has one");
    if (digest_only) expect(route.reference->digest() != nullptr, "blobs and referrers are named by digest");
    const auto again = parse_route(canonical(route));
    const auto* same = std::get_if<Route>(&again);
    expect(same && canonical(*same) == canonical(route) && same->kind == route.kind, "its canonical URL means the same");
  }
  if (mark != std::string_view::npos) {
    const auto query = target.substr(mark + 1);
    for (const char* name : {"ns", "n", "last", ""}) {
      const auto value = query_parameter(query, name);
      if (!value) continue;
      expect(query_parameter(std::string(name) + '=' + percent_encode(*value), name) == value, "a value survives encoding");
    }
  }
  return 0;
}
