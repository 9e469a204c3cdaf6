#include "oci/name.h"

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostBytes = 255;
// With the longest path and tag behind it, a canonical reference still fits an index key (511 bytes).
constexpr std::size_t kMostNamespaceBytes = 100;

bool alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool valid_component(std::string_view text) {
  std::size_t i = 0;
  for (;;) {
    const auto begin = i;
    while (i < text.size() && alphanumeric(text[i])) ++i;
    if (i == begin) return false;
    if (i == text.size()) return true;
    const char separator = text[i];
    const auto run = i;
    while (i < text.size() && text[i] == separator) ++i;
    const auto length = i - run;
    const bool good = separator == '-' || (separator == '.' && length == 1) || (separator == '_' && length <= 2);
    if (!good) return false;
  }
}

bool valid_with_port(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return valid_component(text);
  const auto port = parse_number(text.substr(colon + 1));
  return valid_component(text.substr(0, colon)) && port && *port > 0 && *port < 65536;
}

}  // namespace

Result<RepositoryPath> RepositoryPath::parse(std::string_view text) {
  const Error invalid{Failure::invalid, Side::client, false, "not a repository name"};
  if (text.empty() || text.size() > kMostBytes) return invalid;
  const auto components = split(text, '/');
  for (std::size_t i = 0; i < components.size(); ++i) {
    const bool good = i == 0 && components.size() > 1 ? valid_with_port(components[i]) : valid_component(components[i]);
    if (!good) return invalid;
  }
  RepositoryPath path;
  path.text_ = text;
  return path;
}

std::string_view RepositoryPath::first() const {
  const auto slash = text_.find('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(text_).substr(0, slash);
}

RepositoryPath RepositoryPath::rest() const {
  RepositoryPath path;
  path.text_ = text_.substr(text_.find('/') + 1);
  return path;
}

RepositoryPath RepositoryPath::in_library() const {
  RepositoryPath path;
  path.text_ = "library/" + text_;
  return path;
}

bool valid_namespace(std::string_view text) {
  return !text.empty() && text.size() <= kMostNamespaceBytes && valid_with_port(text);
}

Name::Name(std::string_view name_space, RepositoryPath path)
    : text_(std::string(name_space) + '/' + path.text()), split_(name_space.size()), path_(std::move(path)) {}

}  // namespace weir
