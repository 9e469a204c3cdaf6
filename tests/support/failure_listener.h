// A doctest listener that keeps current_test_failed true to its name.
#pragma once

#include <doctest/doctest.h>

#include "tests/support/failure_watch.h"

namespace weir::testing {

struct FailureListener : doctest::IReporter {
  explicit FailureListener(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData&) override { current_test_failed = false; }
  void test_case_exception(const doctest::TestCaseException&) override { current_test_failed = true; }
  void log_assert(const doctest::AssertData& assertion) override {
    if (assertion.m_failed) current_test_failed = true;
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace weir::testing
