// Whether the running test has failed, for helpers that then say more about it.
#pragma once

#include <atomic>

namespace weir::testing {

// Set by the listener in failure_listener.h, which doctest_main.cc registers.
inline std::atomic<bool> current_test_failed = false;

}  // namespace weir::testing
