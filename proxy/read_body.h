#pragma once
// The body of an upstream's answer as one text, charged to the memory budget from its first byte on.

#include <memory>
#include <string>

#include "proxy/site.h"

namespace weir {

// The bytes alone; what they are charged with goes with the last copy of this.
std::shared_ptr<const std::string> bytes_of(std::shared_ptr<const ChargedText> text);

// All of the body. It is charged `copies` times, for what the caller is about to make of it.
// Error: too_large when there is more than `most`; overloaded when the memory budget has no room; the upstream's.
Task<Result<ChargedText>> read_body(Site& site, RegistryClient::Response& response, std::size_t most, unsigned copies);

}  // namespace weir
