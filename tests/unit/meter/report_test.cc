// Reports of a ledger made from a seed: whatever is asked for, everything adds up.
#include "meter/report.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include "meter/focus.h"
#include "meter/report_text.h"
#include "meter/usage_writer.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/meter/focus_rules.h"
#include "tests/unit/meter/usage_tools.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

constexpr const char* kReportPrices =
    "hub request-1000 0.4\n"
    "hub transfer-gb 0.07 from=2026-03-10\n"
    "ecr transfer-gb 0.09 up-to=40GB\n"
    "ecr transfer-gb 0.05 up-to=90GB\n"
    "ecr transfer-gb 0.012345679\n"
    "ecr transfer-gb 0.01 direction=sent\n"
    "storage gb-month 0.10 up-to=2GB\n"
    "storage gb-month 0.03\n";

Prices report_prices() { return std::get<Prices>(Prices::parse(kReportPrices)); }

UsageWriter::Options report_writer(const Scratch& scratch) {
  UsageWriter::Options options{
      .directory = scratch.file("meter"), .loops = 1, .meter = {}, .durable = false, .block = {4096, 1 << 20}};
  options.meter.teams = {{"ml", {"ml-*"}}, {"web", {"web-*"}}};
  return options;
}

const HourNumber kReportBegin = *parse_moment("2026-02-20"), kReportEnd = *parse_moment("2026-04-12");

// Two months and a bit, some of it not yet folded.
std::unique_ptr<UsageWriter> busy_writer(const Scratch& scratch, ManualClock& clock, unsigned seed) {
  auto writer = UsageWriter::open(clock, nullptr, report_writer(scratch));
  REQUIRE(writer.ok());
  std::mt19937 random(seed);
  const char* identities[] = {"ml-1", "ml-2", "web-1", "ops"};
  for (auto hour = kReportBegin; hour < kReportEnd; hour += 7, clock.advance(std::chrono::hours(7))) {
    for (int i = 0; i < 3; ++i) {
      const std::string upstream = random() % 2 == 0 ? "hub" : "ecr", repository = upstream + "/r" + std::to_string(random() % 4);
      const auto* identity = identities[random() % 4];
      const auto outcome = static_cast<Outcome>(random() % kOutcomeNames.size());
      (*writer)->recorder(0).add({identity, "", repository, upstream, outcome, Direction::sent},
                                 {1 + random() % 9, random() % 2'000'000'000});
      (*writer)->recorder(0).add({identity, "", repository, upstream, Outcome::miss, Direction::received},
                                 {1, random() % 700'000'000});
    }
    REQUIRE((*writer)->note_stored(hour, {{"ecr/r1", "ecr", random() % 5'000'000'000}, {"hub/r1", "hub", 1000}}).ok());
    if (random() % 3 == 0) REQUIRE((*writer)->fold().ok());
  }
  return *std::move(writer);
}

Report report_of(const UsageView& view, ReportKind kind, std::vector<Dimension> by, HourNumber from = 0, HourNumber to = kNoEnd) {
  return make_report(view, report_prices(), "USD", {kind, from, to, std::move(by), 0});
}

ReportFigures sum_of_rows(const Report& report) {
  ReportFigures sum;
  for (const auto& row : report.rows) sum += row.figures;
  return sum;
}

std::string focus_of(const UsageView& view, HourNumber from = 0, HourNumber to = kNoEnd) {
  std::string text;
  write_focus(view, report_prices(), "USD", from, to, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace

TEST_CASE("however usage is grouped, it adds up to the same, money to its last digit") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  const auto writer = busy_writer(scratch, clock, 1);
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  const auto total = report_of(*view, ReportKind::cost, {}).total;
  CHECK(total.requests > 500);
  CHECK(total.cost() > Money());
  using enum Dimension;
  for (const auto& by : std::vector<std::vector<Dimension>>{
           {identity}, {team}, {repository}, {upstream}, {outcome}, {day}, {day, team}, {identity, repository, outcome, day}}) {
    const auto report = report_of(*view, ReportKind::savings, by);
    CHECK(report.total == total);
    CHECK(sum_of_rows(report) == total);
  }
}

TEST_CASE("what a span costs does not depend on how it is cut into reports") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  const auto writer = busy_writer(scratch, clock, 2);
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  const auto whole = report_of(*view, ReportKind::cost, {}).total;
  const auto cut_one = kReportBegin + 24 * 11 + 5, cut_two = kReportBegin + 24 * 30;
  ReportFigures sum;
  for (const auto& [from, to] :
       {std::pair<HourNumber, HourNumber>(0, cut_one), std::pair(cut_one, cut_two), std::pair(cut_two, kNoEnd)})
    sum += report_of(*view, ReportKind::cost, {Dimension::team}, from, to).total;
  CHECK(sum.sent_bytes == whole.sent_bytes);
  CHECK(sum.stored_byte_hours == whole.stored_byte_hours);
  // Shares are rounded at the eighteenth decimal.
  const auto apart = sum.cost() - whole.cost();
  CHECK(apart <= Money::of_attos(100));
  CHECK(apart >= Money::of_attos(-100));
}

TEST_CASE("a report beside the writer has what is not folded yet, once; and so has one when the writer is gone") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  auto writer = UsageWriter::open(clock, nullptr, report_writer(scratch));
  REQUIRE(writer.ok());
  const auto requests = [&] {
    auto view = UsageView::open(scratch.file("meter"));
    REQUIRE(view.ok());
    return report_of(*view, ReportKind::usage, {Dimension::outcome}).total.requests;
  };
  (*writer)->recorder(0).add(usage_key("ml-1"), {1, 100});
  CHECK(requests() == 1);
  REQUIRE((*writer)->fold().ok());
  CHECK(requests() == 1);
  (*writer)->recorder(0).add(usage_key("ml-1"), {1, 100});
  (*writer)->recorder(0).add(usage_key("ml-2"), {1, 100});
  CHECK(requests() == 3);
  // As after kill -9: a copy of what is on the disk at this moment.
  std::filesystem::copy(scratch.file("meter"), scratch.file("killed"), std::filesystem::copy_options::recursive);
  auto killed = UsageView::open(scratch.file("killed"));
  REQUIRE(killed.ok());
  CHECK(report_of(*killed, ReportKind::usage, {Dimension::outcome}).total.requests == 3);
  CHECK(report_of(*killed, ReportKind::usage, {Dimension::team}).rows.at(0).keys.at(0) == "ml");
  (*writer).reset();
  CHECK(requests() == 3);
}

TEST_CASE("FOCUS rows keep the specification's rules, and BilledCost adds up to the table's total") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  const auto writer = busy_writer(scratch, clock, 3);
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  for (const auto& [from, to] : {std::pair<HourNumber, HourNumber>(0, kNoEnd), std::pair(kReportBegin + 100, kReportEnd - 33)}) {
    const auto file = read_focus(focus_of(*view, from, to));
    REQUIRE(file.rows.size() > 100);
    for (const auto& breach : focus_breaches(file)) FAIL_CHECK(breach);
    Money billed, avoided, fetched;
    for (const auto& row : file.rows) {
      billed += *Money::parse(row.at("BilledCost"));
      if (row.at("SkuMeter").starts_with("Upstream")) fetched += *Money::parse(row.at("BilledCost"));
      if (!row.at("x_AvoidedCost").empty()) avoided += *Money::parse(row.at("x_AvoidedCost"));
    }
    const auto total = report_of(*view, ReportKind::cost, {Dimension::team}, from, to).total;
    CHECK(billed.rounded(15) == total.cost().rounded(15));
    if (from == 0) CHECK(billed == total.cost());
    CHECK(avoided.rounded(12) == (total.direct_cost - fetched).rounded(12));
  }
}

TEST_CASE("the checker of FOCUS finds what is wrong") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  const auto writer = busy_writer(scratch, clock, 4);
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  const auto file = read_focus(focus_of(*view));
  const std::pair<const char*, const char*> spoils[] = {{"BilledCost", "1,5"},
                                                        {"BilledCost", ""},
                                                        {"BillingCurrency", "usd"},
                                                        {"ChargePeriodStart", "2026-02-20"},
                                                        {"ChargeCategory", "Uses"},
                                                        {"ChargeClass", "Wrong"},
                                                        {"PricingUnit", ""},
                                                        {"ListUnitPrice", "7"},
                                                        {"ServiceCategory", "Disks"},
                                                        {"ChargePeriodEnd", "2031-01-01T00:00:00Z"},
                                                        {"Tags", "none"},
                                                        {"ProviderName", ""},
                                                        {"ListCost", "+1"},
                                                        {"SubAccountName", ""},
                                                        {"ResourceType", ""}};
  for (const auto& [column, value] : spoils) {
    auto spoilt = file;
    // One with a team: what is stored is nobody's.
    std::ranges::find_if(spoilt.rows, [](const auto& row) { return !row.at("SubAccountId").empty(); })->at(column) = value;
    const auto what = std::string(column) + " = " + value;
    CHECK_MESSAGE(!focus_breaches(spoilt).empty(), what);
  }
  auto without = file;
  std::erase(without.columns, "InvoiceIssuerName");
  CHECK_FALSE(focus_breaches(without).empty());
}

TEST_CASE("a report as JSON is read again as it was") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  const auto writer = busy_writer(scratch, clock, 5);
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  const auto report = report_of(*view, ReportKind::cost, {Dimension::team, Dimension::upstream});
  const auto again = parse_report(report_json(report));
  REQUIRE_MESSAGE(again.ok(), (again ? "" : again.error().what));
  CHECK(again->total == report.total);
  CHECK(report_json(*again) == report_json(report));
  for (const char* text :
       {"", "[]", "{}", "{\"report\":\"cost\"}", "{\"report\":\"cost\",\"currency\":\"USD\",\"by\":[\"team\"],\"rows\":[{}]}",
        "{\"report\":\"cost\",\"currency\":\"USD\",\"by\":[\"color\"],\"rows\":[]}"})
    CHECK_FALSE(parse_report(text).ok());
}

TEST_CASE("an upstream whose price has ended, or has not begun, is named too") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  auto writer = UsageWriter::open(clock, nullptr, report_writer(scratch));
  REQUIRE(writer.ok());
  (*writer)->recorder(0).add({"a", "", "ecr/x", "ecr", Outcome::miss, Direction::received}, {1, 100});
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  for (const char* price : {"ecr transfer-gb 0.09 until=2001-01-01\n", "ecr transfer-gb 0.09 from=2099-01-01\n"}) {
    const auto prices = std::get<Prices>(Prices::parse(price));
    const auto report = make_report(*view, prices, "USD", {ReportKind::cost, 0, kNoEnd, {Dimension::upstream}, 0});
    CHECK(report.unpriced == std::vector<std::string>{"ecr on some days"});
  }
}

TEST_CASE("what was not fetched adds up, also where more came than went out") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  auto writer = UsageWriter::open(clock, nullptr, report_writer(scratch));
  REQUIRE(writer.ok());
  (*writer)->recorder(0).add({"a", "", "ecr/x", "ecr", Outcome::miss, Direction::received}, {1, 5'000'000'000});
  (*writer)->recorder(0).add({"a", "", "ecr/x", "ecr", Outcome::hit, Direction::sent}, {1, 8'000'000'000});
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  const auto table = report_table(report_of(*view, ReportKind::usage, {Dimension::outcome}));
  for (const char* figure : {" 8.000", " -5.000", " 3.000"}) CHECK_MESSAGE(table.find(figure) != std::string::npos, table);
}

TEST_CASE("upstreams that have no price are named") {
  const Scratch scratch;
  ManualClock clock(kReportBegin * 3600ll);
  auto writer = UsageWriter::open(clock, nullptr, report_writer(scratch));
  REQUIRE(writer.ok());
  (*writer)->recorder(0).add({"a", "", "quay/x", "quay", Outcome::miss, Direction::received}, {1, 100});
  (*writer)->recorder(0).add({"a", "", "", "", Outcome::bypass, Direction::sent}, {1, 2});  // `/v2/`, which is nobody's
  (*writer)->recorder(0).add({"a", "", "ecr/x", "ecr", Outcome::miss, Direction::received}, {1, 100});
  auto view = UsageView::open(scratch.file("meter"));
  REQUIRE(view.ok());
  const auto report = report_of(*view, ReportKind::cost, {Dimension::upstream});
  CHECK(report.unpriced == std::vector<std::string>{"quay"});
  CHECK(report_table(report).find("no price for quay\n") != std::string::npos);
}
