#include "meter/budgets.h"

#include "tests/unit/base/scratch.h"
#include "tests/unit/meter/usage_tools.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

std::shared_ptr<const Prices> shared_prices(std::string_view text) {
  auto outcome = Prices::parse(text);
  REQUIRE(std::holds_alternative<Prices>(outcome));
  return std::make_shared<const Prices>(std::get<Prices>(std::move(outcome)));
}

std::vector<BudgetOptions> some_budgets(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::vector<BudgetOptions> budgets;
  for (const auto& [name, text] : lines) {
    auto budget = BudgetOptions::parse(name, text);
    REQUIRE_MESSAGE(budget.ok(), text);
    CHECK(budget->text() == text);
    budgets.push_back(*std::move(budget));
  }
  return budgets;
}

UsageKey fetched_by(std::string_view team, std::string_view upstream = "up") {
  return {"node", team, "up/app", upstream, Outcome::miss, Direction::received};
}

constexpr std::uint64_t kGigabyte = 1'000'000'000;

}  // namespace

TEST_CASE("a budget of bytes warns from its soft limit on, and refuses from its hard one") {
  ManualClock clock(*parse_moment("2026-04-10") * 3600ll);
  Budgets budgets(clock);
  budgets.configure(some_budgets({{"ml-month", "team ml, month, 8GB, 10GB"}}), shared_prices(""));
  const auto hour = hour_of(clock.wall_seconds());
  const auto fetch = [&](std::string_view team, std::uint64_t bytes) {
    budgets.note(hour, fetched_by(team), {1, bytes});
    budgets.settle();
  };
  fetch("ml", 7 * kGigabyte);
  fetch("web", 100 * kGigabyte);
  CHECK(budgets.ask("ml", "up").warning == "");
  CHECK(budgets.standings().at(0).used == doctest::Approx(0.7));
  fetch("ml", 1 * kGigabyte);
  CHECK(budgets.ask("ml", "up").warning == "budget ml-month: team ml has 8000000000 of 8000000000 bytes this month");
  CHECK(budgets.ask("ml", "up").refusal == "");
  CHECK(budgets.ask("web", "up").warning == "");
  fetch("ml", 3 * kGigabyte);
  CHECK(budgets.ask("ml", "up").refusal == "budget ml-month: team ml has 11000000000 of 10000000000 bytes this month");
  CHECK(budgets.standings().at(0).state == 2);
  // What is sent to clients is no matter of budgets.
  budgets.note(hour, usage_key("x"), {1, 100 * kGigabyte});
  // The next month begins anew.
  clock.advance(std::chrono::hours(24 * 21));
  budgets.settle();
  CHECK(budgets.ask("ml", "up").refusal == "");
  CHECK(budgets.standings().at(0).state == 0);
  // It was the clock, which is right again.
  clock.advance(-std::chrono::hours(24 * 21));
  budgets.settle();
  CHECK(budgets.standings().at(0).state == 2);
}

TEST_CASE("what is received counts for a budget of bytes at once") {
  ManualClock clock(*parse_moment("2026-04-10") * 3600ll);
  Budgets budgets(clock);
  budgets.configure(some_budgets({{"ml", "team ml, day, -, 1GB"}}), shared_prices(""));
  const auto hour = hour_of(clock.wall_seconds());
  budgets.note(hour, fetched_by("ml"), {1, kGigabyte - 1});
  CHECK(budgets.ask("ml", "up").refusal == "");
  budgets.note(hour - 24, fetched_by("ml"), {1, kGigabyte});
  CHECK(budgets.ask("ml", "up").refusal == "");
  budgets.note(hour, fetched_by("ml"), {1, 1});
  CHECK(budgets.ask("ml", "up").refusal == "budget ml: team ml has 1000000000 of 1000000000 bytes today");
  budgets.settle();
  CHECK(budgets.ask("ml", "up").refusal == "budget ml: team ml has 1000000000 of 1000000000 bytes today");
}

TEST_CASE("a budget of a day and an upstream, in money") {
  ManualClock clock(*parse_moment("2026-04-10T23") * 3600ll);
  Budgets budgets(clock);
  budgets.configure(some_budgets({{"hub", "upstream hub, day, -, 1.5 USD"}}),
                    shared_prices("hub transfer-gb 0.1\nhub request-1000 500\n"));
  const auto hour = hour_of(clock.wall_seconds());
  budgets.note(hour - 24, fetched_by("ml", "hub"), {0, 50 * kGigabyte});
  budgets.note(hour, fetched_by("ml", "hub"), {1, 9 * kGigabyte});
  budgets.settle();
  CHECK(budgets.ask("any", "hub").refusal == "");
  budgets.note(hour, fetched_by("web", "hub"), {0, 1 * kGigabyte});
  budgets.settle();
  CHECK(budgets.ask("any", "hub").refusal == "budget hub: upstream hub has 1.50 of 1.50 USD today");
  CHECK(budgets.ask("any", "other").refusal == "");
  clock.advance(std::chrono::hours(1));
  budgets.settle();
  CHECK(budgets.ask("any", "hub").refusal == "");
}

TEST_CASE("what the month has used before the start counts, and a new budget knows it") {
  const Scratch scratch;
  ManualClock clock(*parse_moment("2026-04-10") * 3600ll);
  const auto ledger = open_ledger(scratch.path());
  Ledger::Fold fold(*ledger);
  REQUIRE(fold.add(*parse_moment("2026-04-02"), fetched_by("ml"), {1, 5 * kGigabyte}).ok());
  REQUIRE(fold.add(*parse_moment("2026-03-31"), fetched_by("ml"), {1, 50 * kGigabyte}).ok());
  REQUIRE(fold.commit().ok());
  Budgets budgets(clock);
  budgets.load(*ledger);
  budgets.configure(some_budgets(
                        {{"a", "team ml, month, -, 5GB"}, {"b", "team ml, month, -, 6GB"}, {"c", "team ml, day, -, 1GB"}}),
                    shared_prices(""));
  const auto standings = budgets.standings();
  REQUIRE(standings.size() == 3);
  CHECK(standings[0].state == 2);
  CHECK(standings[1].state == 0);
  CHECK(standings[2].state == 0);
  budgets.configure({}, shared_prices(""));
  CHECK(budgets.ask("ml", "up").refusal == "");
}
