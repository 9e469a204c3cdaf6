// Small texts of metering: a budget, a ratelimit header, a moment. Each is the whole input.

#include "meter/budget_options.h"
#include "meter/period.h"
#include "proxy/upstream/allowance.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  if (const auto budget = BudgetOptions::parse("b", text)) {
    expect(budget->soft || budget->hard, "a budget has a limit");
    const auto again = BudgetOptions::parse("b", budget->text());
    expect(again.ok() && again->text() == budget->text(), "shown and read again it is the same");
  }
  if (const auto figure = Allowance::parse(text)) expect(figure->window > Seconds(0), "a window lasts");
  if (const auto moment = parse_moment(text)) {
    const auto again = parse_moment(hour_text(*moment));
    expect(again.ok() && *again == *moment, "a moment is itself again");
  }
  return 0;
}
