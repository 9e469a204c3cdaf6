#include "policy/rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/file_system.h"
#include "base/spelling.h"
#include "base/text.h"
#include "policy/lines.h"
#include "policy/matcher.h"

namespace weir {
namespace {

constexpr std::size_t kMostName = 64, kMostIdentity = 256;
constexpr std::size_t kMostFiles = 1000;
constexpr std::array<std::string_view, 5> kColumns{"name", "effect", "who", "actions", "repository"};
const std::vector<std::string> kEffects{"allow", "deny", "limit"};
const std::vector<std::string> kActionWords{"pull", "push", "delete", "list", "*"};

// Rules stand in the reason phrase of answers.
bool valid_rule_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kMostName && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || c == '.' || c == '_' || c == '-'; });
}

std::string folder_of_file(const std::string& file) { return file.substr(0, file.rfind('/') + 1); }

// Groups of identities, or lists of repositories.
struct NamedSets {
  explicit NamedSets(std::string prefix_word) : prefix(std::move(prefix_word)) {}
  struct Known {
    std::uint32_t set = 0;
    bool defined = false;
  };
  struct Reference {
    const std::pair<const std::string, Known>* to;
    RulePlace place;
    unsigned column;
  };
  std::string prefix;  // `group:`
  std::map<std::string, Known, std::less<>> known;
  std::vector<Reference> references;
  std::unordered_map<std::string, std::uint32_t> patterns;  // and their numbers
  std::unordered_map<std::uint32_t, std::uint32_t> alone;   // pattern -> the set of it alone
};

class RuleParser {
 public:
  explicit RuleParser(const RuleReader& read) : read_(read) {
    rules_.conditions.emplace_back();
    rules_.identities.sets.emplace_back();
    rules_.repositories.sets.emplace_back();
  }

  std::variant<RuleSet, std::vector<RuleMistake>> run(const std::string& file) {
    const auto text = read_(file);
    if (!text) return std::vector<RuleMistake>{{file, 0, 0, text.error().what}};
    read_file(file, *text);
    check_references(groups_);
    check_references(lists_);
    if (mistakes_.empty()) return std::move(rules_);
    std::vector<RuleMistake> told;
    for (auto& [where, mistake] : mistakes_) told.push_back(std::move(mistake));
    if (stopped_) told.push_back({file, 0, 0, "and maybe more: nobody looked further"});
    return told;
  }

 private:
  struct Where {
    std::uint32_t file, line, column;
    auto operator<=>(const Where&) const = default;
  };

  void mistake(unsigned column, std::string what) { mistake({place_.file, place_.line, column}, std::move(what)); }
  void mistake(Where where, std::string what) {
    if (mistakes_.size() >= kMostRuleMistakes) stopped_ = true;
    else mistakes_.emplace(where, RuleMistake{rules_.files[where.file], where.line, where.column, std::move(what)});
  }

  void read_file(const std::string& file, std::string_view text);
  void read_line(const RuleLine& line);
  void include(const RuleLine& line);
  void define(const RuleLine& line, NamedSets& sets, RuleSet::Names& names);
  void rule(const RuleLine& line);
  std::uint8_t read_actions(const RuleWord& word);
  std::vector<std::uint32_t> read_identities(const RuleWord& word);
  std::vector<std::uint32_t> read_repositories(const RuleWord& word);
  std::uint32_t read_conditions(const RuleLine& line, bool limit);
  bool good_identity(std::string_view word, unsigned column);
  bool good_repository(std::string_view word, unsigned column);
  std::uint32_t number_of(std::string_view pattern, NamedSets& sets, RuleSet::Names& names);
  std::uint32_t set_of(std::string_view word, unsigned column, NamedSets& sets, RuleSet::Names& names);
  void check_references(const NamedSets& sets);

  const RuleReader& read_;
  RuleSet rules_;
  RulePlace place_;
  std::vector<std::string> open_;  // the files that include each other, outermost first
  std::size_t bytes_ = 0;
  NamedSets groups_{"group:"}, lists_{"list:"};
  std::unordered_map<std::string, RulePlace> names_;             // of rules
  std::unordered_map<std::string, std::uint32_t> known_conditions_;  // as written
  std::unordered_set<std::uint64_t> members_;                        // of groups and lists, each in its set
  std::multimap<Where, RuleMistake> mistakes_;
  bool stopped_ = false;  // there are so many mistakes that the rest is not read
};

void RuleParser::read_file(const std::string& file, std::string_view text) {
  const auto outer = place_;
  place_ = {static_cast<std::uint32_t>(rules_.files.size()), 0};
  rules_.files.push_back(file);
  open_.push_back(file);
  bytes_ += text.size();
  if (bytes_ > kMostRuleBytes) mistake(0, "the rules are more than " + show_size(kMostRuleBytes));
  else
    scan_rule_lines(text, [this](const RuleLine& line) {
      read_line(line);
      return !stopped_;
    });
  open_.pop_back();
  place_ = outer;
}

void RuleParser::read_line(const RuleLine& line) {
  place_.line = line.number;
  if (line.words.empty()) mistake(line.end, line.mistake);
  else if (line.words[0].text == "include") include(line);
  else if (line.words[0].text == "group") define(line, groups_, rules_.identities);
  else if (line.words[0].text == "list") define(line, lists_, rules_.repositories);
  else rule(line);
}

void RuleParser::include(const RuleLine& line) {
  if (line.words.size() != 2) return mistake(line.end, "an include is written include FILE");
  const auto& word = line.words[1];
  const std::string name(word.text);
  const auto file = name.starts_with('/') ? name : folder_of_file(open_.back()) + name;
  if (std::ranges::find(open_, file) != open_.end()) return mistake(word.column, quoted(name) + " includes itself");
  if (std::ranges::find(rules_.files, file) != rules_.files.end())
    return mistake(word.column, quoted(name) + " is included twice");
  if (open_.size() > kDeepestInclude)
    return mistake(word.column, "files include each other at most " + std::to_string(kDeepestInclude) + " deep");
  if (rules_.files.size() >= kMostFiles)
    return mistake(word.column, "there are more than " + std::to_string(kMostFiles) + " files");
  const auto text = read_(file);
  if (!text) return mistake(word.column, text.error().what);
  read_file(file, *text);
}

bool RuleParser::good_identity(std::string_view word, unsigned column) {
  if (word.empty() || word.size() > kMostIdentity || word.starts_with('~')) {
    mistake(column, quoted(word.substr(0, kMostIdentity)) + " is no identity: a name, maybe with * or **, or group:NAME");
    return false;
  }
  // `grup:ops`
  const auto prefix = word.substr(0, word.find(':') + 1);
  if (prefix.empty() || !nearest_word(prefix, {groups_.prefix})) return true;
  mistake(column, "there is no " + quoted(prefix) + suggestion(prefix, {groups_.prefix}));
  return false;
}

bool RuleParser::good_repository(std::string_view word, unsigned column) {
  if (word.starts_with('~')) {
    const auto status = Matcher::check_expression(word.substr(1));
    if (!status) mistake(column, "the expression " + quoted(word) + ": " + status.error().what);
    return status.ok();
  }
  const auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("*/._-:").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (word.empty() || word.size() > Glob::kMostBytes || !std::ranges::all_of(word, allowed)) {
    const auto strange = std::ranges::find_if_not(word, allowed);
    const auto at = static_cast<unsigned>(strange - word.begin());
    mistake(column + (strange == word.end() ? 0 : at),
            quoted(word) +
                " is no repository or pattern of one: NAMESPACE/PATH in lower case with * and **, "
                "~EXPRESSION, or list:NAME");
    return false;
  }
  if (word.find('/') == std::string_view::npos && word.find("**") == std::string_view::npos) {
    mistake(column,
            quoted(word) + " means no repository, for each has a / in its name" + (word == "*" ? "; did you mean \"**\"?" : ""));
    return false;
  }
  return true;
}

std::uint32_t RuleParser::number_of(std::string_view pattern, NamedSets& sets, RuleSet::Names& names) {
  const auto [found, first] = sets.patterns.emplace(pattern, static_cast<std::uint32_t>(names.patterns.size()));
  if (first) {
    names.patterns.emplace_back(pattern);
    names.places.push_back(place_);
    if (names.patterns.size() > kMostRulePatterns) {
      mistake(0, "there are more than " + std::to_string(kMostRulePatterns) + " identities or repositories");
      stopped_ = true;
    }
  }
  return found->second;
}

// The set that a word means, which was found good: everything, a named one, or the pattern alone.
std::uint32_t RuleParser::set_of(std::string_view word, unsigned column, NamedSets& sets, RuleSet::Names& names) {
  if (word == "**" || (word == "*" && &sets == &groups_)) return 0;
  if (word.starts_with(sets.prefix)) {
    const auto [found, first] = sets.known.try_emplace(std::string(word.substr(sets.prefix.size())));
    if (first) {
      found->second.set = static_cast<std::uint32_t>(names.sets.size());
      names.sets.emplace_back();
    }
    sets.references.push_back({&*found, place_, column});
    return found->second.set;
  }
  const auto pattern = number_of(word, sets, names);
  const auto [found, first] = sets.alone.emplace(pattern, static_cast<std::uint32_t>(names.sets.size()));
  if (first) names.sets.push_back({pattern});
  return found->second;
}

void RuleParser::define(const RuleLine& line, NamedSets& sets, RuleSet::Names& names) {
  const bool group = &sets == &groups_;
  const std::string kind = group ? "group" : "list", members = group ? "IDENTITY..." : "PATTERN...";
  if (line.words.size() < 3) return mistake(line.end, "a " + kind + " is written " + kind + " NAME " + members);
  if (!valid_rule_name(line.words[1].text))
    return mistake(line.words[1].column, quoted(line.words[1].text) + " is no name: letters, digits, and . _ - behind the first");
  const auto [found, first] = sets.known.try_emplace(std::string(line.words[1].text));
  if (first) {
    found->second.set = static_cast<std::uint32_t>(names.sets.size());
    names.sets.emplace_back();
  }
  found->second.defined = true;
  for (std::size_t i = 2; i < line.words.size(); ++i) {
    const auto& word = line.words[i];
    if (word.text.starts_with(sets.prefix)) {
      mistake(word.column, "a " + kind + " does not hold other " + kind + "s");
      continue;
    }
    if (group ? !good_identity(word.text, word.column) : !good_repository(word.text, word.column)) continue;
    // Everything is a pattern like any other here.
    const auto pattern = number_of(group && word.text == "*" ? "**" : word.text, sets, names);
    const auto set = found->second.set;
    if (members_.insert(std::uint64_t{group} << 63 | std::uint64_t{set} << 32 | pattern).second)
      names.sets[set].push_back(pattern);
  }
}

std::uint8_t RuleParser::read_actions(const RuleWord& word) {
  std::uint8_t actions = 0;
  unsigned column = word.column;
  for (const auto one : split(word.text, ',')) {
    const auto action = parse_action(one);
    if (one == "*") actions |= 0xf;
    else if (action) actions |= static_cast<std::uint8_t>(*action);
    else mistake(column, quoted(one) + " is no action" + suggestion(one, kActionWords));
    column += static_cast<unsigned>(one.size() + 1);
  }
  return actions;
}

std::vector<std::uint32_t> RuleParser::read_identities(const RuleWord& word) {
  std::vector<std::uint32_t> sets;
  unsigned column = word.column;
  for (const auto one : split(word.text, ',')) {
    if (one.starts_with(groups_.prefix) || good_identity(one, column))
      sets.push_back(set_of(one, column, groups_, rules_.identities));
    column += static_cast<unsigned>(one.size() + 1);
  }
  return sets;
}

// An expression may have commas of its own.
std::vector<std::uint32_t> RuleParser::read_repositories(const RuleWord& word) {
  std::vector<std::uint32_t> sets;
  unsigned column = word.column;
  const auto pieces = word.text.starts_with('~') ? std::vector{word.text} : split(word.text, ',');
  for (const auto one : pieces) {
    if (one.starts_with(lists_.prefix) || good_repository(one, column))
      sets.push_back(set_of(one, column, lists_, rules_.repositories));
    column += static_cast<unsigned>(one.size() + 1);
  }
  return sets;
}

std::uint32_t RuleParser::read_conditions(const RuleLine& line, bool limit) {
  std::string written;
  for (std::size_t i = kColumns.size(); i < line.words.size(); ++i) written.append(line.words[i].text).append(1, ' ');
  if (limit) written += '!';
  if (written.empty()) return 0;
  if (const auto found = known_conditions_.find(written); found != known_conditions_.end()) return found->second;
  Conditions conditions;
  bool good = true;
  for (std::size_t i = kColumns.size(); i < line.words.size(); ++i) {
    const auto& word = line.words[i];
    const bool limited = conditions.limits();
    auto status = conditions.add(word.text);
    if (status && !limit && !limited && conditions.limits())
      status = Error{Failure::invalid, Side::local, false, quoted(word.text) + " stands in a rule of the effect limit alone"};
    if (status) continue;
    mistake(word.column, status.error().what);
    good = false;
  }
  if (limit && good && !conditions.limits()) {
    mistake(line.end, "a limit says offline, digests-only or platforms=");
    good = false;
  }
  if (!good) return 0;
  rules_.conditions.push_back(std::move(conditions));
  const auto number = static_cast<std::uint32_t>(rules_.conditions.size() - 1);
  known_conditions_.emplace(std::move(written), number);
  return number;
}

void RuleParser::rule(const RuleLine& line) {
  const auto& words = line.words;
  if (!valid_rule_name(words[0].text))
    mistake(words[0].column, quoted(words[0].text) + " is no name of a rule: letters, digits, and . _ - behind the first");
  if (words.size() < kColumns.size()) {
    const auto near = nearest_word(words[0].text, {"group", "list", "include"});
    return mistake(line.end, "a rule is NAME EFFECT WHO ACTIONS REPOSITORY [CONDITION...]; the " +
                                 std::string(kColumns[words.size()]) + " is missing" +
                                 (near ? "; or did you mean \"" + *near + "\"?" : ""));
  }
  Rule made;
  made.name = words[0].text;
  made.place = place_;
  if (const auto [found, first] = names_.emplace(made.name, place_); !first)
    mistake(words[0].column, "there is a rule " + quoted(made.name) + " already, at " + rules_.files[found->second.file] + ':' +
                                 std::to_string(found->second.line));
  const auto effect = std::ranges::find(kEffects, words[1].text);
  if (effect == kEffects.end())
    mistake(words[1].column, quoted(words[1].text) + " is no effect" + suggestion(words[1].text, kEffects));
  else made.effect = static_cast<Rule::Effect>(effect - kEffects.begin());
  const auto identities = read_identities(words[2]);
  made.actions = read_actions(words[3]);
  const auto repositories = read_repositories(words[4]);
  made.conditions = read_conditions(line, made.effect == Rule::Effect::limit);
  if (rules_.rules.size() >= kMostRules || rules_.uses.size() >= kMostRuleUses) {
    mistake(words[0].column, "there are more than " + std::to_string(kMostRules) + " rules, or they speak of too much");
    stopped_ = true;
    return;
  }
  const auto number = static_cast<std::uint32_t>(rules_.rules.size());
  rules_.rules.push_back(std::move(made));
  for (const auto repository : repositories) {
    for (const auto identity : identities) rules_.uses.push_back({repository, identity, number});
  }
}

void RuleParser::check_references(const NamedSets& sets) {
  std::vector<std::string> defined;
  for (const auto& [name, known] : sets.known) {
    if (known.defined) defined.push_back(name);
  }
  for (const auto& [to, place, column] : sets.references) {
    if (to->second.defined) continue;
    const auto hint = defined.empty() ? "; there is none" : suggestion(to->first, defined);
    mistake({place.file, place.line, column}, quoted(sets.prefix + to->first) + " is not defined" + hint);
  }
}

}  // namespace

std::string_view effect_name(Rule::Effect effect) noexcept { return kEffects[static_cast<std::size_t>(effect)]; }

std::string RuleMistake::text() const {
  std::string shown = file;
  if (line > 0) shown += ':' + std::to_string(line);
  if (column > 0) shown += ':' + std::to_string(column);
  return shown + ": " + what;
}

std::variant<RuleSet, std::vector<RuleMistake>> read_rules(const std::string& file, const RuleReader& read) {
  return RuleParser(read).run(file);
}

std::variant<RuleSet, std::vector<RuleMistake>> read_rules(const std::string& file) {
  return read_rules(file, [](const std::string& name) { return read_small_file(name, kMostRuleBytes); });
}

}  // namespace weir
