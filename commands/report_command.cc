#include "commands/report_command.h"

#include <algorithm>
#include <cstdio>

#include "base/file_system.h"
#include "base/text.h"
#include "cache/layout.h"
#include "commands/command_tools.h"
#include "meter/focus.h"
#include "meter/report_page.h"
#include "meter/report_text.h"

namespace weir {
namespace {

constexpr std::size_t kMostReportBytes = 256 << 20;

std::vector<Flag> report_flags() {
  auto flags = config_flags();
  flags.push_back(
      {"from", "TIME", "The first hour: 2026, 2026-01, 2026-01-31 or 2026-01-31T05, in UTC; else the first there is."});
  flags.push_back({"to", "TIME", "The first hour that is not in it any more; else all up to now."});
  flags.push_back(
      {"by", "WHAT", "identity, team, repository, upstream, outcome or day; several with commas; may be repeated.", true});
  flags.push_back({"top", "NUMBER", "Only so many rows; the total is of all."});
  flags.push_back({"format", "table|csv|json|focus|html", "How to print.", false, "table"});
  return flags;
}

std::vector<Flag> merge_flags() {
  auto flags = config_flags();
  flags.push_back({"top", "NUMBER", "Only so many rows; the total is of all."});
  flags.push_back({"format", "table|csv|json", "How to print.", false, "table"});
  return flags;
}

int wrong_usage(const std::string& what) {
  std::fprintf(stderr, "weir: %s\n", what.c_str());
  return 2;
}

// What a flag says; nothing when it is not there. Error: invalid.
Result<std::optional<HourNumber>> moment_of(const Invocation& invocation, const char* flag) {
  const auto text = invocation.value(flag);
  if (!text) return std::optional<HourNumber>();
  const auto moment = parse_moment(*text);
  if (!moment)
    return Error{Failure::invalid, Side::client, false, std::string("--") + flag + " " + *text + ": " + moment.error().what};
  return std::optional(*moment);
}

Result<std::size_t> top_of(const Invocation& invocation) {
  const auto text = invocation.value("top");
  if (!text) return std::size_t{0};
  const auto number = parse_number(*text);
  if (!number || *number == 0) return Error{Failure::invalid, Side::client, false, "--top " + *text + ": a number from 1"};
  return static_cast<std::size_t>(*number);
}

Result<ReportQuery> query_of(const Invocation& invocation) {
  ReportQuery query;
  const auto kind = invocation.command.substr(invocation.command.find(' ') + 1);
  query.kind = kind == "cost" ? ReportKind::cost : kind == "savings" ? ReportKind::savings : ReportKind::usage;
  const auto from = moment_of(invocation, "from"), to = moment_of(invocation, "to");
  const auto top = top_of(invocation);
  if (!from) return from.error();
  if (!to) return to.error();
  if (!top) return top.error();
  query.from = from->value_or(0);
  query.to = to->value_or(kNoEnd);
  if (query.from >= query.to) return Error{Failure::invalid, Side::client, false, "--to is not after --from"};
  query.top = *top;
  for (const auto& given : invocation.values("by")) {
    for (const auto word : words(given)) {
      const auto dimension = parse_dimension(word);
      if (!dimension) {
        return Error{Failure::invalid, Side::client, false,
                     "--by " + std::string(word) + ": not one of identity, team, repository, upstream, outcome, day"};
      }
      if (std::find(query.by.begin(), query.by.end(), *dimension) == query.by.end()) query.by.push_back(*dimension);
    }
  }
  if (query.by.empty()) query.by.push_back(query.kind == ReportKind::usage ? Dimension::outcome : Dimension::upstream);
  return query;
}

void print_report(const Report& report, const std::string& format) {
  if (format == "json") print(report_json(report));
  else if (format == "csv") print(report_csv(report));
  else print(report_table(report));
}

int merge(const Invocation& invocation) {
  const auto top = top_of(invocation);
  if (!top) return wrong_usage(top.error().what);
  std::vector<Report> reports;
  for (const auto& file : invocation.positionals) {
    const auto text = read_small_file(file, kMostReportBytes);
    if (!text) return complain(text.error());
    auto report = parse_report(*text);
    if (!report) return complain(Error{Failure::invalid, Side::client, false, file + ": " + report.error().what});
    reports.push_back(*std::move(report));
  }
  auto merged = merge_reports(std::move(reports));
  if (!merged) return complain(merged.error());
  order_report(*merged, *top);
  print_report(*merged, invocation.value("format").value_or("table"));
  return 0;
}

}  // namespace

std::vector<Command> report_commands() {
  return {{"report usage", "requests and bytes, by outcome or as --by says", report_flags(), {}},
          {"report cost", "what upstreams and storage cost, by the prices of [price]", report_flags(), {}},
          {"report savings", "what the same pulls had cost straight from the upstreams, and what was saved", report_flags(), {}},
          {"report merge",
           "reports of several sites, printed with --format json, as one",
           merge_flags(),
           {{"FILE", "a report as JSON", true, true}}}};
}

int report_command(const Invocation& invocation, const Options& options) {
  if (invocation.command == "report merge") return merge(invocation);
  const auto query = query_of(invocation);
  if (!query) return wrong_usage(query.error().what);
  auto view = UsageView::open(Layout(options.cache.directory).usage());
  if (!view) return complain(view.error());
  const auto format = invocation.value("format").value_or("table");
  const auto& prices = *options.price.prices;
  const auto& currency = options.price.currency;
  if (format == "focus") {
    write_focus(*view, prices, currency, query->from, query->to,
                [](std::string_view piece) { std::fwrite(piece.data(), 1, piece.size(), stdout); });
  } else if (format == "html") {
    print(report_page(*view, prices, currency, query->from, query->to));
  } else {
    print_report(make_report(*view, prices, currency, *query), format);
  }
  return 0;
}

}  // namespace weir
