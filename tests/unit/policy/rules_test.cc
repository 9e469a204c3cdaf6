#include "policy/rules.h"

#include "policy/lines.h"
#include "tests/unit/policy/asking.h"

using namespace weir;
using namespace weir::testing;

namespace {

std::vector<std::string> mistakes_of(const std::string& text, const std::map<std::string, std::string>& more = {}) {
  const auto read = read_text(text, more);
  std::vector<std::string> told;
  if (const auto* mistakes = std::get_if<std::vector<RuleMistake>>(&read)) {
    for (const auto& mistake : *mistakes) told.push_back(mistake.text());
  }
  return told;
}

std::string only_mistake(const std::string& text) {
  const auto told = mistakes_of(text);
  REQUIRE_MESSAGE(told.size() == 1, text);
  return told[0];
}

}  // namespace

TEST_CASE("comments, blank lines, line ends and a mark of UTF-8 say nothing") {
  const auto read = read_text(
      "\xef\xbb\xbf# a comment\n\n   \t\na allow * pull ** # behind a rule\r\n#b deny * pull **\nc deny x#y pull **");
  REQUIRE(read.index() == 0);
  const auto& rules = std::get<RuleSet>(read).rules;
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].name == "a");
  CHECK(rules[0].place.line == 4);
  CHECK(rules[1].name == "c");
  CHECK(rules[1].place.line == 6);
}

TEST_CASE("every mistake is told at once, with its line, its column and the nearest word") {
  const auto told = mistakes_of(
      "group ops alice\n"
      "one alow * pull docker.io/**\n"
      "two deny group:opz pull docker.io/**\n"
      "three deny * pul,push docker.io/**\n"
      "four deny * pull docker.io/** tags=latest\n"
      "five deny * pull list:bse\n"
      "two deny * pull a.io/**\n");
  REQUIRE(told.size() == 6);
  CHECK(told[0] == "policy.rules:2:5: \"alow\" is no effect; did you mean \"allow\"?");
  CHECK(told[1] == "policy.rules:3:10: \"group:opz\" is not defined; did you mean \"ops\"?");
  CHECK(told[2] == "policy.rules:4:14: \"pul\" is no action; did you mean \"pull\"?");
  CHECK(told[3] == "policy.rules:5:31: there is no condition \"tags=\"; did you mean \"tag=\"?");
  CHECK(told[4] == "policy.rules:6:18: \"list:bse\" is not defined; there is none");
  CHECK(told[5] == "policy.rules:7:1: there is a rule \"two\" already, at policy.rules:3");
}

TEST_CASE("a line that is too short says what is missing") {
  CHECK(only_mistake("one\n") ==
        "policy.rules:1:4: a rule is NAME EFFECT WHO ACTIONS REPOSITORY [CONDITION...]; the effect is missing");
  CHECK(only_mistake("one deny * pull\n").find("the repository is missing") != std::string::npos);
  CHECK(only_mistake("grup ops alice\n").find("did you mean \"group\"?") != std::string::npos);
  CHECK(only_mistake("group ops\n") == "policy.rules:1:10: a group is written group NAME IDENTITY...");
  CHECK(only_mistake("list l\n") == "policy.rules:1:7: a list is written list NAME PATTERN...");
  CHECK(only_mistake("include\n") == "policy.rules:1:8: an include is written include FILE");
}

TEST_CASE("an identity with a colon has the same bound as any other") {
  const auto long_one = "urn:" + std::string(1000, 'x');
  CHECK(only_mistake("a deny " + long_one + " pull **\n").find("is no identity") != std::string::npos);
  CHECK(mistakes_of("a deny urn:site:node-* pull **\n").empty());
}

TEST_CASE("each word is judged") {
  const std::pair<const char*, const char*> cases[] = {
      {"-a deny * pull **", "1:1: \"-a\" is no name of a rule"},
      {"a deny ~x pull **", "1:8: \"~x\" is no identity"},
      {"a deny ~x:y pull **", "1:8: \"~x:y\" is no identity"},
      {"a deny grp:x pull **", "1:8: there is no \"grp:\"; did you mean \"group:\"?"},
      {"a deny alice,,bob pull **", "1:14: \"\" is no identity"},
      {"a deny * pull *", "1:15: \"*\" means no repository, for each has a / in its name; did you mean \"**\"?"},
      {"a deny * pull nginx", "1:15: \"nginx\" means no repository"},
      {"a deny * pull docker.io/Library/**", "1:25: \"docker.io/Library/**\" is no repository"},
      {"a deny * pull a.io/x,b.io/y?", "1:28: \"b.io/y?\" is no repository"},
      {"a deny * pull ~a(b", "1:15: the expression \"~a(b\": "},
      {"a deny * pull ~(?=x)", "only (?:...), (?i) and (?i:...) are taken"},
      {"a deny * pull ~(a{100}){100}", "grows beyond 2000 characters"},
      {"a deny * pull ~x)|(y", "1:15: the expression"},
      {"a deny * pull ~\\Qx", "\\Q is not taken"},
      {"a deny * pull ** tag=", "1:18: \"tag=\" has no value"},
      {"a deny * pull ** tag=a,,b", "\"\" is no tag"},
      {"a deny * pull ** tag=a/b", "\"a/b\" is no tag"},
      {"a deny * pull ** tag=a tag=b", "1:24: \"tag=\" stands here twice; a comma joins values"},
      {"a deny * pull ** from=10.0.0.1/8", "did you mean \"10.0.0.0/8\"?"},
      {"a deny * pull ** from=10.0.0/8", "is no network"},
      {"a deny * pull ** from=10.0.0.0/33", "has no prefix from 0 to 32"},
      {"a deny * pull ** size=5", "there is no condition \"size=\"; did you mean \"size<=\"?"},
      {"a deny * pull ** size<=many", "\"many\" is no size"},
      {"a deny * pull ** first-seen<never", "\"never\" is no duration"},
      {"a deny * pull ** first-seen<0s", "\"0s\" is no duration"},
      {"a deny * pull ** platform=linux", "\"linux\" is no platform"},
      {"a deny * pull ** media-type=json", "\"json\" is no media type"},
      {"a deny * pull ** time=Mon-Fry", "\"Fry\" is no day; did you mean \"Fri\"?"},
      {"a deny * pull ** time=8:00-18:00", "\"8:00-18:00\" are no hours"},
      {"a deny * pull ** by-digests-only", "did you mean \"by-digest-only\"?"},
      {"a deny * pull ** offline", "1:18: \"offline\" stands in a rule of the effect limit alone"},
      {"a limit * pull ** tag=v*", "1:25: a limit says offline, digests-only or platforms="},
      {"group g group:h\na deny group:g pull **", "1:9: a group does not hold other groups"},
      {"a deny * pull **\x01", "1:17: a control character"},
  };
  for (const auto& [text, told] : cases) {
    const auto mistakes = mistakes_of(text);
    REQUIRE_MESSAGE(!mistakes.empty(), text);
    CHECK_MESSAGE(mistakes[0].find(told) != std::string::npos, text << " -> " << mistakes[0]);
  }
}

TEST_CASE("a file includes others beside it, each once, and not itself") {
  const auto read = read_text("include more.rules\na deny group:ops pull **\n",
                              {{"more.rules", "group ops alice\nb allow * pull **\n"}});
  REQUIRE(read.index() == 0);
  const auto& rules = std::get<RuleSet>(read);
  REQUIRE(rules.rules.size() == 2);
  CHECK(rules.files == std::vector<std::string>{"policy.rules", "more.rules"});
  CHECK(rules.files[rules.rules[0].place.file] == "more.rules");

  CHECK(mistakes_of("include policy.rules\n") == std::vector<std::string>{"policy.rules:1:9: \"policy.rules\" includes itself"});
  CHECK(mistakes_of("include a\n", {{"a", "include b\n"}, {"b", "\ninclude a\n"}}) ==
        std::vector<std::string>{"b:2:9: \"a\" includes itself"});
  CHECK(mistakes_of("include a\ninclude a\n", {{"a", ""}}) ==
        std::vector<std::string>{"policy.rules:2:9: \"a\" is included twice"});
  CHECK(mistakes_of("include none\n") == std::vector<std::string>{"policy.rules:1:9: no file none"});
  std::map<std::string, std::string> chain;
  for (int i = 0; i < 20; ++i) chain["f" + std::to_string(i)] = "include f" + std::to_string(i + 1) + "\n";
  const auto deep = mistakes_of("include f0\n", chain);
  REQUIRE(deep.size() == 1);
  CHECK(deep[0].find("at most 8 deep") != std::string::npos);
  CHECK(mistakes_of("a deny * pull **\ninclude m\n", {{"m", "x\na deny * pull **\n"}}).size() == 2);
}

TEST_CASE("so many mistakes are told and no more") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x\n";
  const auto told = mistakes_of(text);
  CHECK(told.size() == kMostRuleMistakes + 1);
  CHECK(told.back() == "policy.rules: and maybe more: nobody looked further");
}

TEST_CASE("a line that is too long is a mistake, and not a truncated rule") {
  const auto told = only_mistake("a deny * pull a.io/" + std::string(kMostRuleLine, 'a'));
  CHECK(told.find("longer than 8192 bytes") != std::string::npos);
}

TEST_CASE("what is the same is kept once") {
  const auto read = read_text("a deny * pull a.io/x tag=v*\nb deny * pull a.io/x tag=v*\nc allow z pull a.io/x,a.io/y\n");
  const auto& rules = std::get<RuleSet>(read);
  CHECK(rules.repositories.patterns == std::vector<std::string>{"a.io/x", "a.io/y"});
  CHECK(rules.conditions.size() == 2);
  CHECK(rules.uses.size() == 4);
}
