#include "proxy/upstream/challenge.h"

#include "base/text.h"

namespace weir {
namespace {

bool token_char(char c) {
  return c > 0x20 && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
}

// Reads a header value front to back.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  void skip(std::string_view characters) {
    while (!text_.empty() && characters.find(text_[0]) != std::string_view::npos) text_.remove_prefix(1);
  }
  std::string_view token() {
    std::size_t end = 0;
    while (end < text_.size() && token_char(text_[end])) ++end;
    const auto token = text_.substr(0, end);
    text_.remove_prefix(end);
    return token;
  }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string value() {
    if (!take('"')) return std::string(token());
    std::string unquoted;
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\' && text_.size() > 1) text_.remove_prefix(1);
      unquoted += text_[0];
      text_.remove_prefix(1);
    }
    take('"');
    return unquoted;
  }
  void drop_one() { text_.remove_prefix(1); }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<Challenge> parse_challenge(std::string_view header) {
  Scanner scan(header);
  std::optional<Challenge> bearer, basic;
  Challenge* current = nullptr;
  while (!scan.at_end()) {
    scan.skip(" \t,");
    const auto word = scan.token();
    scan.skip(" \t");
    if (word.empty()) {
      if (!scan.at_end()) scan.drop_one();
    } else if (scan.take('=')) {
      scan.skip(" \t");
      auto value = scan.value();
      if (!current) continue;
      if (equal_ignoring_case(word, "realm")) current->realm = std::move(value);
      else if (equal_ignoring_case(word, "service")) current->service = std::move(value);
      else if (equal_ignoring_case(word, "scope")) current->scope = std::move(value);
    } else {
      current = nullptr;
      if (equal_ignoring_case(word, "Bearer") && !bearer) current = &bearer.emplace();
      else if (equal_ignoring_case(word, "Basic") && !basic)
        current = &basic.emplace(Challenge{Challenge::Scheme::basic, "", "", ""});
    }
  }
  if (bearer && !bearer->realm.empty()) return bearer;
  return basic;
}

}  // namespace weir
