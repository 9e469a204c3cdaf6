// Reports as JSON, as other sites send them: what is taken is written again and read again as the same, and added to itself it is twice.

#include "meter/report_text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto report = parse_report(as_text(data, size));
  if (!report) {
    expect(!report.error().what.empty(), "what is refused has a reason");
    return 0;
  }
  const auto text = report_json(*report);
  const auto again = parse_report(text);
  expect(again.ok() && report_json(*again) == text, "written and read again it is the same");
  expect(!report_table(*report).empty() && !report_csv(*report).empty(), "it can be shown");
  if (report->left_out > 0) return 0;
  const auto twice = merge_reports({*report, *report});
  expect(twice.ok(), "it can be added to itself");
  expect(twice->total.sent_bytes == 2 * report->total.sent_bytes, "which is twice as much");
  return 0;
}
