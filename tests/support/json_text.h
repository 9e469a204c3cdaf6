// JSON written by hand: the few functions that make the library's own documents correct.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace weir::testing {

// `text` as a JSON string, quotes included. REQUIRES: valid UTF-8.
std::string json_string(std::string_view text);

// {"key":"value",...} with all values strings, in the order of the keys.
std::string json_object(const std::map<std::string, std::string>& members);

}  // namespace weir::testing
