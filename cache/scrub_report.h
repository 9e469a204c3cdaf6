#pragma once
// What a scrub has found, as JSON, and as a sentence for a person.

#include <string>

#include "base/json.h"
#include "cache/scrub.h"

namespace weir {

std::string scrub_json(const Scrub::State& state);
std::string scrub_sentence(const Json& state);

}  // namespace weir
