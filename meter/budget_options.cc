#include "meter/budget_options.h"

#include "base/text.h"

namespace weir {
namespace {

Error no_budget(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

Result<std::optional<BudgetOptions::Limit>> parse_limit(std::string_view text, std::string& currency) {
  if (text == "-") return std::optional<BudgetOptions::Limit>();
  BudgetOptions::Limit limit;
  if (const auto blank = text.find_last_of(" \t"); blank != std::string_view::npos && valid_currency(text.substr(blank + 1))) {
    const auto money = Money::parse(trim(text.substr(0, blank)));
    if (!money || *money < Money()) return no_budget("an amount of money is written 100 USD");
    if (!currency.empty() && currency != text.substr(blank + 1)) return no_budget("both limits of a budget are in one currency");
    currency = text.substr(blank + 1);
    limit.money = *money;
    return std::optional(limit);
  }
  const auto bytes = parse_size(text);
  if (!bytes) return no_budget("a limit is a size, such as 800GB, money, such as 100 USD, or - for none");
  limit.bytes = *bytes;
  return std::optional(limit);
}

}  // namespace

std::string BudgetOptions::Limit::text() const { return bytes ? show_size(*bytes) : money ? money->text() : "-"; }

Result<BudgetOptions> BudgetOptions::parse(std::string_view name, std::string_view text) {
  BudgetOptions budget;
  budget.name = name;
  const auto parts = split(text, ',');
  if (parts.size() != 4) return no_budget("a budget is written WHAT, PERIOD, SOFT, HARD, such as team ml, month, 800GB, 1TB");
  const auto what = words(parts[0]);
  if (what.size() != 2 || (what[0] != "team" && what[0] != "upstream"))
    return no_budget("a budget is that of `team NAME` or `upstream NAME`");
  budget.of = what[0] == "team" ? Of::team : Of::upstream;
  budget.who = what[1];
  const auto span = trim(parts[1]);
  if (span != "day" && span != "month") return no_budget("the period of a budget is day or month");
  budget.span = span == "day" ? Span::day : Span::month;
  auto soft = parse_limit(trim(parts[2]), budget.currency);
  auto hard = parse_limit(trim(parts[3]), budget.currency);
  if (!soft) return std::move(soft).error();
  if (!hard) return std::move(hard).error();
  budget.soft = *soft;
  budget.hard = *hard;
  if (!budget.soft && !budget.hard) return no_budget("a budget has a soft limit, a hard one, or both");
  if (budget.soft && budget.hard) {
    if (budget.soft->bytes.has_value() != budget.hard->bytes.has_value())
      return no_budget("both limits of a budget are sizes, or both are money");
    if (budget.soft->bytes > budget.hard->bytes || budget.soft->money > budget.hard->money)
      return no_budget("the soft limit of a budget is beyond its hard one");
  }
  return budget;
}

std::string BudgetOptions::text() const {
  const auto limit = [&](const std::optional<Limit>& one) {
    return one ? one->text() + (one->money ? " " + currency : "") : std::string("-");
  };
  return std::string(of == Of::team ? "team " : "upstream ") + who + ", " + (span == Span::day ? "day" : "month") + ", " +
         limit(soft) + ", " + limit(hard);
}

}  // namespace weir
