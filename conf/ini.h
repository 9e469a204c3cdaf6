#pragma once
// The lines of an INI file: what each one says, before anybody asks whether the words are known.
//
//   [section]            may be empty, counts all the same
//   key = value          blanks around both are dropped; a `#` inside a value belongs to it
//   # comment            only at the start of a line, after blanks
//
// Lines end in LF or CRLF. A mark of UTF-8 at the start of the file is skipped.

#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct IniLine {
  enum class Kind { section, setting, mistake };
  Kind kind = Kind::mistake;
  unsigned number = 0;  // of the line, from 1
  std::string name;     // of the section, or of the key
  std::string value;    // of the key, or what is wrong with the line
};

inline constexpr std::size_t kMostIniLine = 8192;  // bytes

// Every section, setting and mistake in order; blank lines and comments are left out, and so are the settings
// below a section line that could not be read: they would only repeat its mistake.
std::vector<IniLine> scan_ini(std::string_view text);

}  // namespace weir
