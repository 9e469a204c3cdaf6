#pragma once
// The table of everything that can be set: section, key, kind of value, the field it goes to, one sentence of help.
// A key is added by one line here; its default is the field's own.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/options.h"
#include "conf/values.h"

namespace weir {

struct ConfigKey {
  std::string name;
  ConfigValue value;
  std::string help;
};

// Keys of one kind whose names end in a word that the user chooses: `team.NAME`.
struct KeyFamily {
  std::string prefix;   // `team.`
  std::string example;  // a word that may follow
  // The key of that name; nothing when the word cannot be one.
  std::function<std::optional<ConfigKey>(const std::string& name)> make;
};

struct FixedSection {
  std::string name;
  std::vector<ConfigKey> keys;
  std::vector<KeyFamily> families = {};
};

// The sections there is one of each. The options must outlive them and stay where they are.
std::vector<FixedSection> fixed_sections(Options&);

// The keys of an [upstream.NAME]; the same condition.
std::vector<ConfigKey> upstream_keys(UpstreamOptions&);

// Is it a name the program is going to offer but does not yet? `upstream.x` and its like count as one section.
bool planned_section(std::string_view section);
bool planned_key(std::string_view section, std::string_view key);

}  // namespace weir
