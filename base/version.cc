#include "base/version.h"

#ifndef WEIR_VERSION
#define WEIR_VERSION "unversioned"
#endif

namespace weir {

const char* version() noexcept { return WEIR_VERSION; }

}  // namespace weir
