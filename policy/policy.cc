#include "policy/policy.h"

#include <algorithm>

namespace weir {
namespace {

// A set of so many identities or fewer is walked through; in more it is searched.
constexpr std::size_t kWalk = 8;

constexpr std::uint32_t kEverybody = 0;  // the set of all names

std::vector<std::uint32_t> starts_of(const std::vector<std::uint32_t>& counts) {
  std::vector<std::uint32_t> starts{0};
  starts.reserve(counts.size() + 1);
  for (const auto count : counts) starts.push_back(starts.back() + count);
  return starts;
}

// Deny before depends before allow, and of equals the first name: which rule is named does not hang on their order.
bool names_before(const Rule* a, const Rule* b) { return !b || a->name < b->name; }

}  // namespace

// Kept from one decision of a thread to its next, so that none allocates.
struct Policy::Workspace {
  std::vector<std::uint32_t> patterns, identities, repositories, rules;
};

void Policy::Names::find(std::string_view text, std::vector<std::uint32_t>& patterns, std::vector<std::uint32_t>& found) const {
  patterns.clear();
  found.assign(1, kEverybody);
  matcher->match(text, patterns);
  for (const auto pattern : patterns)
    found.insert(found.end(), sets.begin() + starts[pattern], sets.begin() + starts[pattern + 1]);
  if (patterns.size() < 2) return;
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
}

std::optional<RuleMistake> Policy::compile(Names& names, RuleSet::Names& from, const Matcher::Options& matching) const {
  std::vector<std::uint32_t> counts(from.patterns.size());
  for (const auto& set : from.sets) {
    for (const auto pattern : set) ++counts[pattern];
  }
  names.starts = starts_of(counts);
  names.sets.resize(names.starts.back());
  auto next = names.starts;
  for (std::uint32_t i = 0; i < from.sets.size(); ++i) {
    for (const auto pattern : from.sets[i]) names.sets[next[pattern]++] = i;
  }
  auto made = Matcher::make(std::move(from.patterns), matching);
  from.patterns.clear();
  std::vector<std::vector<std::uint32_t>>().swap(from.sets);
  if (const auto* refused = std::get_if<Matcher::Refusal>(&made)) {
    const auto place = refused->pattern ? from.places[*refused->pattern] : RulePlace{};
    return RuleMistake{rules_.files.empty() ? "" : rules_.files[place.file], place.line, 0, refused->what};
  }
  names.matcher = std::get<std::unique_ptr<const Matcher>>(std::move(made));
  std::vector<RulePlace>().swap(from.places);
  return std::nullopt;
}

void Policy::index_uses() {
  auto& uses = rules_.uses;
  std::ranges::sort(uses, [](const RuleSet::Use& a, const RuleSet::Use& b) {
    return std::tie(a.repositories, a.identities, a.rule) < std::tie(b.repositories, b.identities, b.rule);
  });
  const auto sets = uses.empty() ? 1 : uses.back().repositories + 1;
  std::vector<std::uint32_t> counts(sets);
  uses_.reserve(uses.size());
  for (const auto& use : uses) {
    ++counts[use.repositories];
    uses_.push_back({use.identities, use.rule});
  }
  starts_ = starts_of(counts);
  std::vector<RuleSet::Use>().swap(uses);
}

std::variant<std::shared_ptr<const Policy>, std::vector<RuleMistake>> Policy::make(RuleSet rules, bool default_allow,
                                                                                   const Matcher::Options& matching) {
  std::shared_ptr<Policy> policy(new Policy);
  policy->rules_ = std::move(rules);
  policy->default_allow_ = default_allow;
  std::vector<RuleMistake> mistakes;
  for (auto [names, from] : {std::pair(&policy->identities_, &policy->rules_.identities),
                             std::pair(&policy->repositories_, &policy->rules_.repositories)}) {
    if (auto mistake = policy->compile(*names, *from, matching)) mistakes.push_back(*std::move(mistake));
  }
  if (!mistakes.empty()) return mistakes;
  policy->index_uses();
  policy->has_quarantine_ = std::ranges::any_of(policy->rules_.conditions, &Conditions::on_first_seen);
  return std::shared_ptr<const Policy>(std::move(policy));
}

std::variant<std::shared_ptr<const Policy>, std::vector<RuleMistake>> Policy::load(const PolicyOptions& options,
                                                                                   const Matcher::Options& matching) {
  if (options.file.empty()) return make({}, true, matching);
  auto rules = read_rules(options.file);
  if (auto* mistakes = std::get_if<std::vector<RuleMistake>>(&rules)) return std::move(*mistakes);
  return make(std::get<RuleSet>(std::move(rules)), options.default_allow, matching);
}

bool Policy::another_might(const Question& question) const {
  thread_local Workspace work;
  work.rules.clear();
  repositories_.find(question.repository, work.patterns, work.repositories);
  const auto action = static_cast<std::uint8_t>(question.action);
  for (const auto set : work.repositories) {
    if (set + 1 >= starts_.size()) continue;
    for (auto use = starts_[set]; use < starts_[set + 1]; ++use) {
      const auto& [identities, number] = uses_[use];
      const Rule& rule = rules_.rules[number];
      // What holds for some only may not hold for another.
      if ((rule.actions & action) && (identities == kEverybody || rule.effect == Rule::Effect::allow)) work.rules.push_back(number);
    }
  }
  const bool tags_known = question.asked == Question::Asked::tag || question.asked == Question::Asked::nothing;
  const auto tag = question.asked == Question::Asked::tag ? question.tag : std::string_view();
  return judge(question, {}, tags_known, tag, false, work.rules).effect != Decision::Effect::deny;
}

// The rules whose identities and repositories hold the question's, each once.
void Policy::find_rules(const Question& question, Workspace& work) const {
  work.rules.clear();
  identities_.find(question.identity, work.patterns, work.identities);
  repositories_.find(question.repository, work.patterns, work.repositories);
  const auto action = static_cast<std::uint8_t>(question.action);
  const auto take = [&](const Use& use) {
    if (rules_.rules[use.rule].actions & action) work.rules.push_back(use.rule);
  };
  for (const auto set : work.repositories) {
    if (set + 1 >= starts_.size()) continue;
    const auto begin = uses_.begin() + starts_[set], end = uses_.begin() + starts_[set + 1];
    if (static_cast<std::size_t>(end - begin) <= kWalk) {
      for (auto use = begin; use != end; ++use) {
        if (std::ranges::find(work.identities, use->identities) != work.identities.end()) take(*use);
      }
      continue;
    }
    for (const auto identities : work.identities) {
      auto use = std::lower_bound(begin, end, identities, [](const Use& a, std::uint32_t b) { return a.identities < b; });
      for (; use != end && use->identities == identities; ++use) take(*use);
    }
  }
  if (work.rules.size() < 2) return;
  std::ranges::sort(work.rules);
  work.rules.erase(std::ranges::unique(work.rules).begin(), work.rules.end());
}

Decision Policy::judge(const Question& question, const Facts& facts, bool tags_known, std::string_view tag, bool final,
                       const std::vector<std::uint32_t>& found) const {
  const Rule *denied = nullptr, *allowed = nullptr, *maybe_denied = nullptr, *maybe_allowed = nullptr;
  Decision decision;
  unsigned denied_for = 0, maybe_needs = 0;
  const auto name_first = [](const Rule*& named, const Rule& rule) {
    if (names_before(&rule, named)) named = &rule;
  };
  for (const auto number : found) {
    const Rule& rule = rules_.rules[number];
    const Conditions& conditions = rules_.conditions[rule.conditions];
    unsigned needs = 0;
    auto holds = conditions.hold(question, facts, tags_known, tag, rule.effect != Rule::Effect::allow, needs);
    if (holds == Holds::no) continue;
    if (rule.effect == Rule::Effect::allow) {
      if (holds == Holds::yes) name_first(allowed, rule);
      else name_first(maybe_allowed, rule);
      if (holds == Holds::maybe) maybe_needs |= needs;
      continue;
    }
    if (rule.effect == Rule::Effect::limit) {
      // What is not known to leave the site free keeps to it.
      if (conditions.offline()) name_first(decision.offline, rule);
      const auto violated = conditions.violated(question, facts, needs);
      if (violated == Holds::no) continue;
      holds = std::min(holds, violated);
    }
    if (holds == Holds::yes || final) {
      if (names_before(&rule, denied)) denied_for = holds == Holds::yes ? 0 : needs;
      name_first(denied, rule);
    } else {
      name_first(maybe_denied, rule);
      maybe_needs |= needs;
    }
  }
  const bool reads = question.action == Action::pull || question.action == Action::list;
  const bool by_default = default_allow_ && reads;
  if (denied) return {Decision::Effect::deny, denied, denied_for, nullptr};
  if (!allowed && !by_default && (final || !maybe_allowed))
    return {Decision::Effect::deny, maybe_allowed, maybe_allowed ? maybe_needs : 0, nullptr};
  if (maybe_denied || (!allowed && !by_default)) {
    decision.effect = Decision::Effect::depends;
    decision.rule = maybe_denied ? maybe_denied : maybe_allowed;
    decision.needs = maybe_needs;
  } else {
    decision.effect = Decision::Effect::allow;
    decision.rule = allowed;
  }
  return decision;
}

Decision Policy::decide(const Question& question, const Facts& facts, bool final) const {
  thread_local Workspace work;
  find_rules(question, work);
  if (question.asked == Question::Asked::anything) return judge(question, facts, false, {}, final, work.rules);
  if (question.asked != Question::Asked::digest) {
    const auto tag = question.asked == Question::Asked::tag ? question.tag : std::string_view();
    return judge(question, facts, true, tag, final, work.rules);
  }
  if (!question.tags) return judge(question, facts, false, {}, final, work.rules);
  if (question.tags->empty()) return judge(question, facts, true, {}, final, work.rules);
  // A digest is what the friendliest of its tags is.
  std::optional<Decision> best;
  for (const auto& tag : *question.tags) {
    const auto decision = judge(question, facts, true, tag, final, work.rules);
    const auto rank = [](const Decision& of) {
      return of.effect == Decision::Effect::allow ? 2 : of.effect == Decision::Effect::depends ? 1 : 0;
    };
    if (!best || rank(decision) > rank(*best)) best = decision;
    if (rank(*best) == 2) break;
  }
  return *best;
}

Decision Policy::decide(const Question& question, const Facts& facts) const { return decide(question, facts, false); }

Decision Policy::decide_finally(const Question& question, const Facts& facts) const { return decide(question, facts, true); }

std::vector<Policy::Matched> Policy::explain(const Question& question, const Facts& facts) const {
  Workspace work;
  find_rules(question, work);
  std::vector<std::string_view> tags;
  bool tags_known = true;
  if (question.asked == Question::Asked::tag) tags.push_back(question.tag);
  if (question.asked == Question::Asked::digest && question.tags) tags.assign(question.tags->begin(), question.tags->end());
  if (question.asked == Question::Asked::digest && !question.tags) tags_known = false;
  if (question.asked == Question::Asked::anything) tags_known = false;
  if (tags.empty()) tags.emplace_back();
  std::vector<Matched> matched;
  for (const auto number : work.rules) {
    const Rule& rule = rules_.rules[number];
    const Conditions& conditions = rules_.conditions[rule.conditions];
    auto best = Holds::no;
    unsigned needs = 0;
    for (const auto tag : tags)
      best = std::max(best, conditions.hold(question, facts, tags_known, tag, rule.effect != Rule::Effect::allow, needs));
    if (best != Holds::no) matched.push_back({&rule, best == Holds::maybe, best == Holds::maybe ? needs : 0});
  }
  std::ranges::sort(matched, {}, [](const Matched& each) { return std::string_view(each.rule->name); });
  return matched;
}

std::string Policy::place(const Rule& rule) const {
  return rules_.files[rule.place.file] + ':' + std::to_string(rule.place.line);
}

}  // namespace weir
