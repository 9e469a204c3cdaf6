#pragma once
// Policy: rules made ready to be asked.
//
// An explicit deny wins, else an allow, else the default; a limit takes away from what is allowed. The order of rules never
// matters. What a decision costs follows the rules that match, and not the rules there are: identity and repository are each
// matched in one pass, and rules are found by the pair.
//
// Thread: any; immutable, replaced whole. Rules that a Decision names live as long as the Policy.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "policy/decision.h"
#include "policy/matcher.h"
#include "policy/options.h"
#include "policy/rules.h"

namespace weir {

class Policy {
 public:
  // Reads options.file, or has no rules. Blocks on disk work, and, for many patterns that were not compiled before, for seconds.
  static std::variant<std::shared_ptr<const Policy>, std::vector<RuleMistake>> load(const PolicyOptions& options,
                                                                                    const Matcher::Options& matching);
  static std::variant<std::shared_ptr<const Policy>, std::vector<RuleMistake>> make(RuleSet rules, bool default_allow,
                                                                                    const Matcher::Options& matching);

  // By what is known now. Where that does not suffice the answer depends.
  Decision decide(const Question& question, const Facts& facts = {}) const;
  // By what is known at last: a deny for what cannot be known holds, an allow does not.
  Decision decide_finally(const Question& question, const Facts& facts) const;

  // Whether what this identity is denied may be allowed to another one. Walks over all rules of the repository.
  bool another_might(const Question& question) const;

  // Every rule that speaks of the question, with how far it holds; in the order of their names.
  struct Matched {
    const Rule* rule = nullptr;
    bool depends = false;
    unsigned needs = 0;
  };
  std::vector<Matched> explain(const Question& question, const Facts& facts = {}) const;

  // `policy.rules:12`
  std::string place(const Rule& rule) const;
  std::size_t rules() const noexcept { return rules_.rules.size(); }
  // A rule speaks of when a digest was first seen.
  bool has_quarantine() const noexcept { return has_quarantine_; }
  bool default_allow() const noexcept { return default_allow_; }
  // Databases that were compiled to make it.
  unsigned compiled() const noexcept { return identities_.matcher->compiled() + repositories_.matcher->compiled(); }

 private:
  // Names of one kind: from a text to the sets that hold it.
  struct Names {
    std::unique_ptr<const Matcher> matcher;
    std::vector<std::uint32_t> starts, sets;  // pattern i is in the sets [starts[i], starts[i + 1])
    void find(std::string_view text, std::vector<std::uint32_t>& patterns, std::vector<std::uint32_t>& found) const;
  };
  struct Workspace;

  Policy() = default;
  std::optional<RuleMistake> compile(Names& names, RuleSet::Names& from, const Matcher::Options& matching) const;
  void index_uses();
  void find_rules(const Question& question, Workspace& work) const;
  Decision judge(const Question& question, const Facts& facts, bool tags_known, std::string_view tag, bool final,
                 const std::vector<std::uint32_t>& rules) const;
  Decision decide(const Question& question, const Facts& facts, bool final) const;

  RuleSet rules_;
  Names identities_, repositories_;
  // The uses of the set of repositories i are [starts_[i], starts_[i + 1]) of uses_, in the order of their identities.
  struct Use {
    std::uint32_t identities, rule;
  };
  std::vector<std::uint32_t> starts_;
  std::vector<Use> uses_;
  bool default_allow_ = true, has_quarantine_ = false;
};

}  // namespace weir
