// [meter] and [price]: keys that end in a name of the user's, and a file of prices that is judged with the configuration.
#include "tests/unit/conf/loading.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::testing::errors_of;
using weir::testing::loaded;
using weir::testing::ScratchFile;
using weir::testing::shown;

TEST_CASE("teams and budgets have names of the user's, in the order they were given") {
  const auto config = loaded(
      "[meter]\n"
      "team.web = web/* ci\n"
      "team.ml = node/ml-*\n"
      "team.web = more/**\n"
      "budget.ml-month = team ml, month, 800GB, 1TB\n"
      "budget.hub = upstream docker.io, day, -, 40.50 USD\n"
      "[upstream.docker.io]\nurl = http://x\n");
  const auto& meter = config.options.meter;
  REQUIRE(meter.teams.size() == 2);
  CHECK(meter.teams[0].name == "web");
  CHECK(meter.teams[0].patterns == std::vector<std::string>{"web/*", "ci", "more/**"});
  CHECK(meter.teams[1].patterns == std::vector<std::string>{"node/ml-*"});
  REQUIRE(meter.budgets.size() == 2);
  CHECK(meter.budgets[0].soft->bytes == 800'000'000'000u);
  CHECK(meter.budgets[0].hard->bytes == 1'000'000'000'000u);
  CHECK_FALSE(meter.budgets[1].soft.has_value());
  CHECK(meter.budgets[1].hard->money->text() == "40.5");
  CHECK(meter.budgets[1].span == BudgetOptions::Span::day);
  CHECK(shown(config, "meter", "team.web") == "web/* ci more/** from file:2, file:4");
  CHECK(shown(config, "meter", "budget.hub") == "upstream docker.io, day, -, 40.5 USD from file:6");
}

TEST_CASE("a team may be given on the command line, over the file") {
  const auto config = loaded("[meter]\nteam.ml = a\n", {{"meter.team.ml=b c", "meter.team.x.y=d", "meter.retention=50d"}, {}});
  REQUIRE(config.options.meter.teams.size() == 2);
  CHECK(config.options.meter.teams[0].patterns == std::vector<std::string>{"b", "c"});
  CHECK(config.options.meter.teams[1].name == "x.y");
  CHECK(config.options.meter.retention == std::chrono::hours(24 * 50));
}

TEST_CASE("what cannot be a team or a budget is named with its place") {
  CHECK(errors_of("[meter]\n"
                  "team.none = a\n"
                  "team. = a\n"
                  "teams = a\n"
                  "budget.a = team ml, month, 1GB, 2GB\n"
                  "budget.b = team none, year, 1GB, -\n"
                  "budget.c = team none, month, 2GB, 1GB\n"
                  "budget.d = team none, month, -, -\n"
                  "budget.e = upstream quay.io, day, 1 USD, 2 EUR\n"
                  "budget.f = upstream quay.io, day, 1 EUR, 2 EUR\n"
                  "budget.g = all of it\n"
                  "budget.h = team none, day, 1GB, 2 USD\n") ==
        "file:2: [meter] team.none: \"none\" cannot be a name: letters, digits, - _ and ., but none and other\n"
        "file:3: [meter] team.: \"\" cannot be a name: letters, digits, - _ and ., but none and other\n"
        "file:4: unknown key \"teams\" in [meter]; known: flush-interval, retention, max-series, team.NAME, budget.NAME\n"
        "file:5: [meter] budget.a: there is no team.ml; known: none\n"
        "file:6: [meter] budget.b: the period of a budget is day or month\n"
        "file:7: [meter] budget.c: the soft limit of a budget is beyond its hard one\n"
        "file:8: [meter] budget.d: a budget has a soft limit, a hard one, or both\n"
        "file:9: [meter] budget.e: both limits of a budget are in one currency\n"
        "file:10: [meter] budget.f: there is no [upstream.quay.io]\n"
        "file:10: [meter] budget.f: its limits are in EUR, and prices in USD\n"
        "file:11: [meter] budget.g: a budget is written WHAT, PERIOD, SOFT, HARD, such as team ml, month, 800GB, 1TB\n"
        "file:12: [meter] budget.h: both limits of a budget are sizes, or both are money\n");
  CHECK(errors_of("[price]\ncurrency = dollars\n") ==
        "file:2: [price] currency: \"dollars\" is not the code of a currency, such as USD or EUR\n");
}

TEST_CASE("a file of prices is read with the configuration, and its mistakes stop the start") {
  const ScratchFile good("up transfer-gb 0.09\n"), bad("up transfer-gb 0.09\nup transfer-gb free\nup gb-month 1\n");
  const auto config = loaded("[price]\nfile = " + good.path() + "\n");
  CHECK(config.options.price.prices->knows("up", PriceMeter::received_gb));
  CHECK(loaded("").options.price.prices->empty());
  auto errors = errors_of("[price]\nfile = " + bad.path() + "\n");
  CHECK(errors.find(bad.path() + ":2:16: \"free\" is no price") == 0);
  CHECK(errors.find(bad.path() + ":3:4: gb-month is a price of `storage`") != std::string::npos);
  CHECK(errors_of("[price]\nfile = /nowhere/prices\n").find("file:2: [price] file: ") == 0);
}
