#pragma once
// Rules: what a rule file says, read and checked as a whole. docs/policy.md has the grammar.
//
//   NAME EFFECT WHO ACTIONS REPOSITORY [CONDITION...]
//   group NAME IDENTITY...        list NAME PATTERN...        include FILE
//
// Who and repository are kept as numbers of sets of patterns, so that many rules share what they share.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "policy/conditions.h"
#include "policy/decision.h"

namespace weir {

struct RulePlace {
  std::uint32_t file = 0;  // of RuleSet::files
  std::uint32_t line = 0;
};

struct Rule {
  enum class Effect : std::uint8_t { allow, deny, limit };
  std::string name;  // of all rules the only one
  RulePlace place;
  Effect effect = Effect::deny;
  std::uint8_t actions = 0;      // of Action
  std::uint32_t conditions = 0;  // of RuleSet::conditions; 0: none
};
std::string_view effect_name(Rule::Effect effect) noexcept;

struct RuleSet {
  // Patterns, each once, and sets of them by their numbers. The set 0 is everything.
  struct Names {
    std::vector<std::string> patterns;
    std::vector<RulePlace> places;  // where each pattern stands first
    std::vector<std::vector<std::uint32_t>> sets;
  };
  // A rule speaks of each pair of its identities and its repositories.
  struct Use {
    std::uint32_t repositories = 0, identities = 0, rule = 0;
  };
  std::vector<std::string> files;
  std::vector<Rule> rules;
  std::vector<Conditions> conditions;
  Names identities, repositories;
  std::vector<Use> uses;
};

struct RuleMistake {
  std::string file;
  unsigned line = 0, column = 0;  // from 1; 0: the file as a whole
  std::string what;               // one sentence, without a trailing full stop

  std::string text() const;  // `policy.rules:12:7: what`
};

inline constexpr std::size_t kMostRuleBytes = 64 << 20;  // of a file and all that it includes
inline constexpr std::size_t kMostRules = 250'000;
inline constexpr std::size_t kMostRulePatterns = 500'000;  // of identities, and of repositories
inline constexpr std::size_t kMostRuleUses = 1'000'000;
inline constexpr unsigned kDeepestInclude = 8;
inline constexpr std::size_t kMostRuleMistakes = 1000;  // that are told

// Gives the text of a file; a name that is not absolute is beside the file that includes it.
using RuleReader = std::function<Result<std::string>(const std::string& file)>;

// The rules, or every mistake in the order of files and lines. Thread: any; blocks in `read`.
std::variant<RuleSet, std::vector<RuleMistake>> read_rules(const std::string& file, const RuleReader& read);
// From the disk.
std::variant<RuleSet, std::vector<RuleMistake>> read_rules(const std::string& file);

}  // namespace weir
