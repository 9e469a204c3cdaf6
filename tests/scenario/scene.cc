#include "tests/scenario/scene.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "tests/support/sanitized.h"

namespace weir::testing {

namespace {

std::string file_name(std::string digest) {
  std::ranges::replace(digest, ':', '-');
  return digest;
}

// "label value, ..." of one counter, in the order of the labels, only what is not 0.
std::string by_label(const Metrics& metrics, const std::string& name, const std::string& label, const Labels& labels) {
  std::map<std::string, double> sums;
  for (const auto& series : metrics.series()) {
    bool wanted = series.name == name && series.value != 0;
    for (const auto& [key, value] : labels) wanted = wanted && series.labels.contains(key) && series.labels.at(key) == value;
    if (wanted) sums[series.labels.contains(label) ? series.labels.at(label) : ""] += series.value;
  }
  std::string text;
  for (const auto& [key, sum] : sums) {
    text += (text.empty() ? "" : ", ") + key + " " + std::to_string(static_cast<long long>(sum));
  }
  return text;
}

}  // namespace

bool sanitized() { return kSanitized || std::getenv("WEIR_SANITIZED") != nullptr; }

std::string up_section(const ScriptedUpstream& upstream, const std::string& lines, const std::string& host) {
  return "[upstream.up]\nurl = " + (host.empty() ? upstream.url() : upstream.url_as(host)) + "\ndefault = on\n" + lines;
}

Scene::Scene(const SceneOptions& options)
    : upstream(options.server),
      weir(options.sections + up_section(upstream, options.upstream, options.host), {.environment = options.environment}) {
  for (const auto& [name, text] : options.files) weir.directory().write(name, text);
  if (options.start) REQUIRE(weir.start());
}

Scene::~Scene() {
  for (const char* report : {"ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer", "runtime error: "}) {
    const auto at = weir.log().find(report);
    CHECK_MESSAGE(at == std::string::npos, weir.log().substr(std::min(at, weir.log().size()), 8000));
  }
}

Blob Scene::put_blob(std::uint64_t size, std::uint64_t seed, const std::string& repository) {
  auto content = Content::generated(size, seed);
  auto digest = upstream.registry().put_blob(repository, content);
  return {content, digest, blob_path(repository, digest)};
}

Response Scene::get(const std::string& target, const Headers& headers, Body mode) const {
  return fetch(weir.url(), target, headers, mode);
}

Response Scene::head(const std::string& target, const Headers& headers) const {
  return HttpClient(weir.url()).head(target, headers);
}

std::size_t Scene::gets(const std::string& path) { return upstream.journal().count("GET", exactly(path)); }

std::vector<std::string> Scene::ranges(const std::string& path) {
  std::vector<std::string> ranges;
  for (const auto& request : upstream.journal().requests("GET", exactly(path))) {
    ranges.push_back(request.headers.value("Range"));
  }
  return ranges;
}

std::size_t Scene::whole_gets(const std::string& path) { return static_cast<std::size_t>(std::ranges::count(ranges(path), "")); }

std::string Scene::outcomes(const std::string& route) const {
  return by_label(weir.metrics(), "weir_requests_total", "outcome", route.empty() ? Labels{} : Labels{{"route", route}});
}

std::string Scene::fills() const { return by_label(weir.metrics(), "weir_fills_total", "result", {}); }

std::vector<std::string> Scene::stored(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator each(weir.path("store/" + folder), failed), end; !failed && each != end;
       each.increment(failed)) {
    if (each->is_regular_file(failed)) names.push_back(each->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// By the beginning of its name: behind it stands the repository. A file of no earlier fill gets the name that a fill of app will have.
std::string Scene::partial_file(const std::string& digest) const {
  for (const auto& name : partials()) {
    if (name.starts_with(file_name(digest) + '-')) return weir.path("store/partial/" + name);
  }
  return weir.path("store/partial/" + file_name(digest) + '-' + digest_of("up/app").substr(7, 16));
}

std::string Scene::blob_file(const std::string& digest) const {
  auto colon = digest.find(':');
  auto hex = digest.substr(colon + 1);
  return weir.path("store/blobs/" + digest.substr(0, colon) + "/" + hex.substr(0, 2) + "/" + hex);
}

std::string error_code(const Response& response) {
  const std::string start = "{\"errors\":[{\"code\":\"";
  if (!response.body.starts_with(start)) return {};
  return response.body.substr(start.size(), response.body.find('"', start.size()) - start.size());
}

bool body_is(HttpClient& client, const std::string& expected) {
  constexpr std::size_t kPiece = 128 * 1024;
  std::size_t position = 0;
  for (;;) {
    auto piece = client.read_body(kPiece);
    if (piece.empty()) return position == expected.size();
    if (expected.compare(position, piece.size(), piece) != 0) return false;
    position += piece.size();
    if (position == expected.size()) return client.finish_body(Body::count).complete;
  }
}

std::uint64_t file_size(const std::string& path) {
  std::error_code failed;
  auto size = std::filesystem::file_size(path, failed);
  return failed ? 0 : size;
}

}  // namespace weir::testing
