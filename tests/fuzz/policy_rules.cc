// Rule files: a file, and behind a line `---` a question a line as identity, repository and tag. What is read can be asked, and
// says the same of its lines in any order.

#include <algorithm>

#include "base/text.h"
#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {

std::variant<RuleSet, std::vector<RuleMistake>> read_fuzzed(std::string_view text) {
  return read_rules("policy.rules", [text](const std::string& file) -> Result<std::string> {
    if (file == "policy.rules") return std::string(text);
    if (file == "more") return std::string("group more x\nmore deny x pull **\n");
    return Error{Failure::not_found, Side::local, false, "no such file"};
  });
}

// In this process, where the search sees it: patterns are judged before, so it ends soon and well.
std::shared_ptr<const Policy> compiled(RuleSet rules) {
  auto made = Policy::make(std::move(rules), true, {.own_process = false});
  expect(made.index() == 0, "what was read can be compiled");
  return std::get<0>(std::move(made));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = as_text(data, size);
  const auto end = text.find("\n---\n");
  const auto file = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 5);
  auto read = read_fuzzed(file);
  if (const auto* mistakes = std::get_if<std::vector<RuleMistake>>(&read)) {
    expect(!mistakes->empty() && mistakes->size() <= kMostRuleMistakes + 1, "what is refused has reasons");
    for (const auto& mistake : *mistakes) {
      expect(!mistake.file.empty() && !mistake.what.empty(), "each with its place and a word");
      expect(std::ranges::none_of(mistake.text(), [](unsigned char c) { return c < 0x20; }), "on one line");
    }
    return 0;
  }
  const auto policy = compiled(std::get<RuleSet>(std::move(read)));
  while (!text.empty()) {
    const auto words_of_line = words(take_line(text).substr(0, 400));
    if (words_of_line.size() < 2) continue;
    Question question{.identity = words_of_line[0], .repository = words_of_line[1], .upstream = "up"};
    if (words_of_line.size() > 2) {
      question.asked = Question::Asked::tag;
      question.tag = words_of_line[2];
    }
    const auto now = policy->decide(question), at_last = policy->decide_finally(question, {});
    expect(at_last.effect != Decision::Effect::depends, "the last word depends on nothing");
    expect(now.effect == Decision::Effect::depends ? now.needs != 0 : now.effect == at_last.effect,
           "what is decided stays decided");
    if (now.rule) {
      const auto matched = policy->explain(question);
      expect(std::ranges::any_of(matched, [&](const auto& each) { return each.rule == now.rule; }), "who decides has matched");
    }
  }
  return 0;
}
