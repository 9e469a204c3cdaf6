#include "proxy/upstream/xml_answer.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "base/text.h"

namespace weir {
namespace {

bool name_begins(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_name(char c) { return name_begins(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out += static_cast<char>((0xff00 >> (more + 1) & 0xff) | code >> 6 * more);
  for (unsigned i = more; i-- > 0;) out += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
}

// What `&NAME;` stands for.
bool append_entity(std::string& out, std::string_view name) {
  static constexpr std::pair<std::string_view, char> kPredefined[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [word, c] : kPredefined) {
    if (name == word) return out += c, true;
  }
  if (!name.starts_with('#') || name.size() < 2 || name.size() > 9) return false;
  const bool hex = name[1] == 'x';
  std::uint32_t code = 0;
  for (const char c : name.substr(hex ? 2 : 1)) {
    const auto digit = std::string_view("0123456789abcdef").find(to_lower(std::string_view(&c, 1)));
    if (digit >= (hex ? 16u : 10u)) return false;
    code = code * (hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
  }
  if (name.size() == (hex ? 2u : 1u) || code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
  append_utf8(out, code);
  return true;
}

class XmlReader {
 public:
  XmlReader(std::string_view text, std::map<std::string, std::string, std::less<>>& texts) : text_(text), texts_(texts) {}

  // Empty when all is well.
  std::string read() {
    if (take("<?xml") && !skip_past("?>")) return "has a declaration without an end";
    for (;;) {
      skip_blanks();
      if (text_.empty()) return done_ ? "" : "has no end";
      if (done_) return "goes on behind its end";
      if (open_.empty() && text_[0] != '<') return "is not XML";
      if (auto wrong = step(); !wrong.empty()) return wrong;
    }
  }

 private:
  struct Element {
    std::string path, text;
    bool holds_elements = false;
  };

  std::string step() {
    if (take("</")) return close();
    if (take("<")) return open();
    return take_text();
  }

  std::string open() {
    const auto name = take_name();
    if (name.empty()) return "has markup that is no element";
    if (open_.size() >= XmlAnswer::kMostDepth) return "is nested too deeply";
    for (;;) {
      const bool blank = skip_blanks();
      if (take("/>") || text_.starts_with(">")) break;
      if (!blank || !skip_attribute()) return "has an element that is not well-formed";
    }
    if (!open_.empty()) open_.back().holds_elements = true;
    const bool empty = !take(">");
    const auto path = open_.empty() ? std::string(name) : open_.back().path + '/' + std::string(name);
    if (empty) {
      texts_.emplace(path, "");
      done_ = open_.empty();
    } else {
      open_.push_back({path, "", false});
    }
    return "";
  }

  std::string close() {
    const auto name = take_name();
    skip_blanks();
    if (open_.empty() || !take(">")) return "has an end that is not well-formed";
    const auto& element = open_.back();
    if (element.path.substr(element.path.rfind('/') + 1) != name) return "has an element that ends as another";
    if (!element.holds_elements) {
      std::string_view text = element.text;
      while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
      texts_.emplace(element.path, text);
    }
    open_.pop_back();
    done_ = open_.empty();
    return "";
  }

  std::string take_text() {
    const auto end = std::min(text_.find('<'), text_.size());
    auto piece = text_.substr(0, end);
    text_.remove_prefix(end);
    auto& out = open_.back().text;
    while (!piece.empty()) {
      const auto ampersand = std::min(piece.find('&'), piece.size());
      out += piece.substr(0, ampersand);
      piece.remove_prefix(ampersand);
      if (piece.empty()) break;
      const auto semicolon = piece.find(';');
      if (semicolon == std::string_view::npos || !append_entity(out, piece.substr(1, semicolon - 1)))
        return "has an entity that is not known";
      piece.remove_prefix(semicolon + 1);
    }
    return "";
  }

  // Its value says nothing that is wanted here.
  bool skip_attribute() {
    if (take_name().empty()) return false;
    skip_blanks();
    if (!take("=")) return false;
    skip_blanks();
    if (text_.empty() || (text_[0] != '"' && text_[0] != '\'')) return false;
    const char quote = text_[0];
    text_.remove_prefix(1);
    const auto end = text_.find(quote);
    if (end == std::string_view::npos || text_.substr(0, end).find('<') != std::string_view::npos) return false;
    text_.remove_prefix(end + 1);
    return true;
  }

  std::string_view take_name() {
    std::size_t end = 0;
    while (end < text_.size() && (end == 0 ? name_begins(text_[end]) : in_name(text_[end]))) ++end;
    const auto name = text_.substr(0, end);
    text_.remove_prefix(end);
    return name;
  }
  bool take(std::string_view mark) {
    if (!text_.starts_with(mark)) return false;
    text_.remove_prefix(mark.size());
    return true;
  }
  bool skip_past(std::string_view mark) {
    const auto at = text_.find(mark);
    if (at == std::string_view::npos) return false;
    text_.remove_prefix(at + mark.size());
    return true;
  }
  bool skip_blanks() {
    const auto before = text_.size();
    while (!text_.empty() && is_blank(text_[0])) text_.remove_prefix(1);
    return text_.size() < before;
  }

  std::string_view text_;
  std::map<std::string, std::string, std::less<>>& texts_;
  std::vector<Element> open_;
  bool done_ = false;
};

}  // namespace

Result<XmlAnswer> XmlAnswer::parse(std::string_view xml) {
  const auto wrong = [](std::string what) { return Error{Failure::corrupt, Side::upstream, true, "the XML " + std::move(what)}; };
  if (xml.size() > kMostBytes) return wrong("is larger than 64 KiB");
  XmlAnswer answer;
  if (auto what = XmlReader(xml, answer.texts_).read(); !what.empty()) return wrong(std::move(what));
  return answer;
}

std::string XmlAnswer::at(std::string_view path) const {
  const auto found = texts_.find(path);
  return found == texts_.end() ? std::string() : found->second;
}

}  // namespace weir
