#include "policy/decision.h"

#include <array>
#include <utility>

#include "base/spelling.h"

namespace weir {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 4> kActions{
    {{Action::pull, "pull"}, {Action::push, "push"}, {Action::remove, "delete"}, {Action::list, "list"}}};
constexpr std::array<std::pair<Need, std::string_view>, 5> kNeeds{{{kNeedsTags, "the tags that lead to it"},
                                                                   {kNeedsMediaType, "its media type"},
                                                                   {kNeedsSize, "its size"},
                                                                   {kNeedsPlatform, "its platform"},
                                                                   {kNeedsFirstSeen, "when it was first seen"}}};

}  // namespace

std::string_view action_name(Action action) noexcept {
  for (const auto& [each, name] : kActions) {
    if (each == action) return name;
  }
  return "";
}

std::optional<Action> parse_action(std::string_view word) {
  for (const auto& [each, name] : kActions) {
    if (name == word) return each;
  }
  return std::nullopt;
}

std::string show_needs(unsigned needs) {
  std::vector<std::string> pieces;
  for (const auto& [need, name] : kNeeds) {
    if (needs & need) pieces.emplace_back(name);
  }
  return joined(pieces, " and ");
}

std::string_view effect_name(Decision::Effect effect) noexcept {
  return effect == Decision::Effect::allow ? "allow" : effect == Decision::Effect::deny ? "deny" : "depends";
}

}  // namespace weir
