#include "proxy/auth/scope.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "oci/name.h"

namespace weir {
namespace {

constexpr std::size_t kMostTypeBytes = 32;
constexpr std::size_t kMostScopeActions = 16;
constexpr std::size_t kMostActionBytes = 32;

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// [a-z0-9]+, of a type and of its class.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMostTypeBytes && std::all_of(text.begin(), text.end(), lower_or_digit);
}

// [a-z]+, or the star that stands for all.
bool is_action(std::string_view text) {
  if (text == "*") return true;
  return text.size() <= kMostActionBytes && !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::optional<Scope> parse_scope(std::string_view text) {
  const auto first = text.find(':'), last = text.rfind(':');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  Scope scope;
  auto type = text.substr(0, first);
  if (type.ends_with(')')) {
    const auto open = type.find('(');
    if (open == std::string_view::npos) return std::nullopt;
    scope.type_class = type.substr(open + 1, type.size() - open - 2);
    if (!is_word(scope.type_class)) return std::nullopt;
    type = type.substr(0, open);
  }
  if (!is_word(type)) return std::nullopt;
  scope.type = type;
  // A resource of any type is named as a repository is.
  const auto name = RepositoryPath::parse(text.substr(first + 1, last - first - 1));
  if (!name) return std::nullopt;
  scope.name = name->text();
  const auto actions = text.substr(last + 1);
  if (actions.empty()) return scope;
  for (const auto action : split(actions, ',')) {
    if (!is_action(action)) return std::nullopt;
    if (std::find(scope.actions.begin(), scope.actions.end(), action) != scope.actions.end()) continue;
    if (scope.actions.size() == kMostScopeActions) return std::nullopt;
    scope.actions.emplace_back(action);
  }
  return scope;
}

}  // namespace

std::string Scope::text() const {
  std::string text = type;
  if (!type_class.empty()) text += '(' + type_class + ')';
  text += ':' + name + ':';
  for (std::size_t i = 0; i < actions.size(); ++i) text += (i > 0 ? "," : "") + actions[i];
  return text;
}

Result<std::vector<Scope>> parse_scopes(std::string_view text) {
  std::vector<Scope> scopes;
  if (text.empty()) return scopes;
  if (text.size() > kMostScopeBytes) return Error{Failure::too_large, Side::client, false, "a scope of more than 8 KiB"};
  for (const auto piece : split(text, ' ')) {
    if (scopes.size() == kMostScopes) return Error{Failure::too_large, Side::client, false, "more than 32 scopes"};
    auto scope = parse_scope(piece);
    if (!scope) return Error{Failure::invalid, Side::client, false, "a scope is written TYPE:NAME:ACTION,ACTION"};
    scopes.push_back(*std::move(scope));
  }
  return scopes;
}

}  // namespace weir
