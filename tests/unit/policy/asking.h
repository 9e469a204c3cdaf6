// What the tests of this room share: rules from a text, and questions as a person would write them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "policy/policy.h"
#include "tests/support/sanitized.h"

#include <doctest/doctest.h>

namespace weir::testing {

// The rules of a text; `more`: files that it includes.
inline std::variant<RuleSet, std::vector<RuleMistake>> read_text(const std::string& text,
                                                                 const std::map<std::string, std::string>& more = {}) {
  return read_rules("policy.rules", [&](const std::string& file) -> Result<std::string> {
    if (file == "policy.rules") return text;
    if (const auto found = more.find(file); found != more.end()) return found->second;
    return Error{Failure::not_found, Side::local, false, "no file " + file};
  });
}

inline std::shared_ptr<const Policy> policy_of(const std::string& text, bool default_allow = true) {
  auto rules = read_text(text);
  if (const auto* mistakes = std::get_if<std::vector<RuleMistake>>(&rules)) FAIL(mistakes->front().text());
  auto made = Policy::make(std::get<RuleSet>(std::move(rules)), default_allow, {.own_process = false});
  if (const auto* mistakes = std::get_if<std::vector<RuleMistake>>(&made)) FAIL(mistakes->front().text());
  return std::get<std::shared_ptr<const Policy>>(std::move(made));
}

// `ID ACTION REPOSITORY[:TAG|@TAG,TAG...|@?|?] [from=IP] [upstream=NAME] [at=SECONDS] [type=T] [size=N] [platforms=P,P]
// [seen=SECONDS]` Behind an @ stand the tags that lead to the digest, `?` where nobody looked; a `?` alone is for anything of the
// repository; `final` asks for the last word.
struct Asked {
  std::vector<std::string> words;  // what the question's views point into
  Question question;
  Facts facts;
  bool final = false;

  explicit Asked(const std::string& text) {
    for (const auto word : split(text, ' ')) words.emplace_back(word);
    REQUIRE_MESSAGE(words.size() >= 3, text);
    question.identity = words[0];
    const auto action = parse_action(words[1]);
    REQUIRE_MESSAGE(action, text);
    question.action = *action;
    const std::string_view reference = words[2];
    const auto end = reference.find_first_of(":@?", reference.rfind('/') + 1);
    question.repository = reference.substr(0, end);
    question.upstream = question.repository.substr(0, question.repository.find('/'));
    const auto behind = end == std::string_view::npos ? std::string_view() : reference.substr(end + 1);
    if (end != std::string_view::npos && reference[end] == ':') {
      question.asked = Question::Asked::tag;
      question.tag = behind;
    } else if (end != std::string_view::npos && reference[end] == '?') {
      question.asked = Question::Asked::anything;
    } else if (end != std::string_view::npos) {
      question.asked = Question::Asked::digest;
      if (behind != "?") {
        question.tags.emplace();
        for (const auto tag : split(behind, ',')) {
          if (!tag.empty()) question.tags->emplace_back(tag);
        }
      }
    }
    for (std::size_t i = 3; i < words.size(); ++i) take(words[i]);
  }
  Asked(const Asked&) = delete;

  Decision answer(const Policy& policy) const {
    return final ? policy.decide_finally(question, facts) : policy.decide(question, facts);
  }

 private:
  void take(std::string_view word) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals), value = equals == std::string_view::npos ? word : word.substr(equals + 1);
    if (name == "final") final = true;
    else if (name == "from") question.from = IpAddress::parse(value);
    else if (name == "upstream") question.upstream = value;
    else if (name == "at") question.now = static_cast<WallSeconds>(*parse_number(value));
    else if (name == "type") facts.media_type = value;
    else if (name == "size") facts.size = parse_number(value);
    else if (name == "seen") facts.seen_for = Seconds(*parse_number(value));
    else if (name == "platforms") {
      facts.platforms.emplace();
      for (const auto platform : split(value, ',')) {
        if (!platform.empty()) facts.platforms->emplace_back(platform);
      }
    } else FAIL(std::string(word));
  }
};

// `deny no-latest`, `allow -` for the default, `depends q`; `, offline RULE` behind it.
inline std::string show(const Decision& decision) {
  std::string text(effect_name(decision.effect));
  text += ' ' + (decision.rule ? decision.rule->name : std::string("-"));
  if (decision.offline) text += ", offline " + decision.offline->name;
  return text;
}

}  // namespace weir::testing
