// The main function of every test program.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "tests/support/failure_listener.h"

REGISTER_LISTENER("failure-watch", 1, weir::testing::FailureListener);
