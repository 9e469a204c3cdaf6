#include "conf/ini.h"

#include <algorithm>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

using Kind = IniLine::Kind;

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

IniLine mistake(unsigned number, std::string what) { return {Kind::mistake, number, {}, std::move(what)}; }

// What makes a line unreadable whatever it says.
std::string unreadable(std::string_view line) {
  if (line.size() > kMostIniLine) return "a line is at most " + std::to_string(kMostIniLine) + " bytes long";
  if (line.find('\0') != std::string_view::npos) return "a NUL byte";
  if (std::any_of(line.begin(), line.end(), is_control)) return "a control character";
  return {};
}

IniLine scan_section(unsigned number, std::string_view line) {
  const auto name = trim(line.substr(1, line.size() - 2));
  if (line.back() != ']') return mistake(number, "a section is written [NAME], alone on its line");
  if (name.empty()) return mistake(number, "a section needs a name between its brackets");
  if (name.find_first_of("[] \t") != std::string_view::npos)
    return mistake(number, quoted(name) + " cannot be the name of a section");
  return {Kind::section, number, std::string(name), {}};
}

IniLine scan_setting(unsigned number, std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return mistake(number, quoted(line) + " is neither [section], key = value nor # comment");
  const auto key = trim(line.substr(0, equals));
  if (key.empty()) return mistake(number, "no key stands before the =");
  return {Kind::setting, number, std::string(key), std::string(trim(line.substr(equals + 1)))};
}

}  // namespace

std::vector<IniLine> scan_ini(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<IniLine> lines;
  enum { before_first, inside, below_mistake } state = before_first;
  unsigned number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto what = unreadable(line); !what.empty()) {
      lines.push_back(mistake(number, std::move(what)));
      continue;
    }
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      lines.push_back(scan_section(number, line));
      state = lines.back().kind == Kind::section ? inside : below_mistake;
      continue;
    }
    IniLine setting = scan_setting(number, line);
    if (setting.kind == Kind::setting && state == below_mistake) continue;
    if (setting.kind == Kind::setting && state == before_first) {
      setting = mistake(number, quoted(setting.name) + " stands before the first [section]");
    }
    lines.push_back(std::move(setting));
  }
  return lines;
}

}  // namespace weir
