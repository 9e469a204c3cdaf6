#pragma once
// What a budget is: who or what may use how much of upstreams in a period.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/money.h"

namespace weir {

struct BudgetOptions {
  enum class Of { team, upstream };
  enum class Span { day, month };  // of the calendar, in UTC
  // So many bytes received from upstreams, or so much money for that.
  struct Limit {
    std::optional<std::uint64_t> bytes;
    std::optional<Money> money;
    std::string text() const;
  };

  std::string name;
  Of of = Of::team;
  std::string who;  // a team, or an upstream
  Span span = Span::month;
  std::optional<Limit> soft, hard;  // at least one; of one kind, and soft not beyond hard
  std::string currency;             // of limits in money, else empty

  // `team ml, month, 800GB, 1TB`; `upstream public.ecr.aws, day, 40 USD, -`: what, period, soft, hard; `-` for none.
  // Error: invalid, with what is wrong.
  static Result<BudgetOptions> parse(std::string_view name, std::string_view text);
  std::string text() const;
};

}  // namespace weir
