#pragma once
// What this program is.

namespace weir {

// As `git describe` said when it was built.
const char* version() noexcept;

}  // namespace weir
