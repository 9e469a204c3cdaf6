#include "meter/report_text.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/json.h"

namespace weir {
namespace {

constexpr std::size_t kMostReportRows = 10'000'000;

std::string in_gb(std::uint64_t bytes) {
  // Tenths of a GB would hide what a test or a small site has: three decimals, cut.
  const auto whole = bytes / 1'000'000'000, milli = bytes / 1'000'000 % 1000;
  auto rest = std::to_string(milli);
  rest.insert(0, 3 - rest.size(), '0');
  return std::to_string(whole) + '.' + rest;
}

// What clients got less what it took to have it. Below 0 where that was more, so that the rows add up to their total.
std::string gb_not_fetched(const ReportFigures& figures) {
  const bool more = figures.received_bytes > figures.sent_bytes;
  return more ? '-' + in_gb(figures.received_bytes - figures.sent_bytes) : in_gb(figures.sent_bytes - figures.received_bytes);
}

struct ReportColumn {
  std::string_view name;
  std::function<std::string(const ReportFigures&)> text;
};

// What a table of that kind shows behind its keys.
std::vector<ReportColumn> table_columns(const Report& report) {
  const auto decimals = minor_digits(report.currency);
  const auto money = [decimals](Money (*of)(const ReportFigures&)) {
    return [of, decimals](const ReportFigures& figures) { return of(figures).rounded(decimals); };
  };
  const ReportColumn requests{"REQUESTS", [](const auto& figures) { return std::to_string(figures.requests); }};
  const ReportColumn sent{"SENT GB", [](const auto& figures) { return in_gb(figures.sent_bytes); }};
  const ReportColumn asked{"UPSTREAM REQUESTS", [](const auto& figures) { return std::to_string(figures.upstream_requests); }};
  const ReportColumn received{"RECEIVED GB", [](const auto& figures) { return in_gb(figures.received_bytes); }};
  const ReportColumn stored{"STORED GB-HOURS", [](const auto& figures) { return in_gb(figures.stored_byte_hours); }};
  if (report.kind == ReportKind::usage) {
    return {requests, sent, asked, received, {"NOT FETCHED GB", gb_not_fetched}, stored};
  }
  const ReportColumn cost{"COST", money([](const ReportFigures& figures) { return figures.cost(); })};
  if (report.kind == ReportKind::cost) {
    return {asked,
            received,
            stored,
            {"TRANSFER", money([](const ReportFigures& figures) { return figures.transfer_cost; })},
            {"REQUESTS", money([](const ReportFigures& figures) { return figures.request_cost; })},
            {"STORAGE", money([](const ReportFigures& figures) { return figures.storage_cost; })},
            cost};
  }
  return {sent,
          received,
          {"DIRECT", money([](const ReportFigures& figures) { return figures.direct_cost; })},
          {"PAID", money([](const ReportFigures& figures) { return figures.transfer_cost + figures.request_cost; })},
          {"STORAGE", money([](const ReportFigures& figures) { return figures.storage_cost; })},
          {"SAVED", money([](const ReportFigures& figures) { return figures.savings(); })}};
}

// Every figure there is, for programs: counts and money, by their names.
struct ReportMember {
  std::string_view name;
  std::uint64_t ReportFigures::* count = nullptr;
  Money ReportFigures::* money = nullptr;
};
constexpr ReportMember kReportMembers[] = {
    {"requests", &ReportFigures::requests, nullptr},
    {"sent_bytes", &ReportFigures::sent_bytes, nullptr},
    {"upstream_requests", &ReportFigures::upstream_requests, nullptr},
    {"received_bytes", &ReportFigures::received_bytes, nullptr},
    {"stored_byte_hours", &ReportFigures::stored_byte_hours, nullptr},
    {"transfer_cost", nullptr, &ReportFigures::transfer_cost},
    {"request_cost", nullptr, &ReportFigures::request_cost},
    {"storage_cost", nullptr, &ReportFigures::storage_cost},
    {"direct_cost", nullptr, &ReportFigures::direct_cost},
};

void write_figures(JsonWriter& json, const ReportFigures& figures) {
  for (const auto& member : kReportMembers) {
    if (member.count) json.member(member.name, figures.*member.count);
    else json.member(member.name, (figures.*member.money).text());
  }
  json.key("cost").number(figures.cost().text());
  json.key("savings").number(figures.savings().text());
}

Error no_report(std::string what) {
  return Error{Failure::invalid, Side::client, false, "no report of weir: " + std::move(what)};
}

Result<ReportFigures> read_figures(const Json& json) {
  ReportFigures figures;
  for (const auto& member : kReportMembers) {
    const std::string name(member.name);
    if (member.money) {
      const auto money = Money::parse(json.string_at(name).value_or(""));
      if (!money) return no_report(name + " is " + money.error().what);
      figures.*member.money = *money;
    } else {
      const auto count = json.integer_at(name);
      if (!count || *count < 0) return no_report(name + " is no count");
      figures.*member.count = static_cast<std::uint64_t>(*count);
    }
  }
  return figures;
}

std::string upper(std::string_view text) {
  std::string shown(text);
  for (char& c : shown) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return shown;
}

// Lines in columns, of a character set: what is no ASCII counts by its bytes. `fill` puts the texts of a line into their places;
// it is asked twice for each, first for how wide they are, so that a large table is not kept in pieces.
std::string aligned(std::size_t lines, std::size_t columns, std::size_t left,
                    const std::function<void(std::size_t line, std::vector<std::string>& cells)>& fill) {
  std::vector<std::string> cells(columns);
  std::vector<std::size_t> widths(columns);
  std::size_t longest = 0;
  for (std::size_t line = 0; line < lines; ++line) {
    fill(line, cells);
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  for (const auto width : widths) longest += width + 2;
  std::string text;
  text.reserve(lines * longest);
  for (std::size_t line = 0; line < lines; ++line) {
    fill(line, cells);
    for (std::size_t i = 0; i < columns; ++i) {
      if (i > 0) text += "  ";
      const auto blanks = widths[i] - cells[i].size();
      if (i >= left) text.append(blanks, ' ');
      text += cells[i];
      if (i < left) text.append(blanks, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

}  // namespace

std::string report_table(const Report& report) {
  const auto columns = table_columns(report);
  const auto left = report.by.size();
  // The head, the rows, the total.
  const auto fill = [&](std::size_t line, std::vector<std::string>& cells) {
    const bool head = line == 0;
    const auto* row = line > 0 && line <= report.rows.size() ? &report.rows[line - 1] : nullptr;
    for (std::size_t i = 0; i < left; ++i) {
      if (head) cells[i] = upper(kDimensionNames[static_cast<std::size_t>(report.by[i])]);
      else if (row) cells[i] = row->keys[i];
      else cells[i] = i == 0 ? "total" : "";
    }
    for (std::size_t i = 0; i < columns.size(); ++i)
      cells[left + i] = head ? std::string(columns[i].name) : columns[i].text(row ? row->figures : report.total);
  };
  std::string text = aligned(report.rows.size() + (left > 0 ? 2 : 1), left + columns.size(), left, fill);
  text += "\nfrom " + report.from + " to " + report.to + (report.kind == ReportKind::usage ? "" : ", in " + report.currency) + '\n';
  if (report.left_out > 0) text += std::to_string(report.left_out) + " more rows are in the total and not shown\n";
  if (report.other_requests > 0) {
    text += std::to_string(report.other_requests) +
            " requests are counted as `other`, because their hour had more than max-series\n";
  }
  if (report.kind != ReportKind::usage) {
    for (const auto& what : report.unpriced) text += "no price for " + what + '\n';
  }
  return text;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string report_csv(const Report& report) {
  std::string text;
  for (const auto dimension : report.by) text += std::string(kDimensionNames[static_cast<std::size_t>(dimension)]) + ',';
  for (const auto& member : kReportMembers) text += std::string(member.name) + ',';
  text += "cost,savings,currency\r\n";
  for (const auto& row : report.rows) {
    for (const auto& key : row.keys) text += csv_field(key) + ',';
    for (const auto& member : kReportMembers) {
      text += (member.count ? std::to_string(row.figures.*member.count) : (row.figures.*member.money).text()) + ',';
    }
    text += row.figures.cost().text() + ',' + row.figures.savings().text() + ',' + report.currency + "\r\n";
  }
  return text;
}

std::string report_json(const Report& report) {
  JsonWriter json;
  json.object().member("report", kReportKindNames[static_cast<std::size_t>(report.kind)]).member("currency", report.currency);
  json.member("from", report.from).member("to", report.to).key("by").array();
  for (const auto dimension : report.by) json.value(kDimensionNames[static_cast<std::size_t>(dimension)]);
  json.end().key("rows").array();
  for (const auto& row : report.rows) {
    json.object();
    for (std::size_t i = 0; i < row.keys.size(); ++i)
      json.member(kDimensionNames[static_cast<std::size_t>(report.by[i])], row.keys[i]);
    write_figures(json, row.figures);
    json.end();
  }
  json.end().key("total").object();
  write_figures(json, report.total);
  json.end().member("left_out", static_cast<std::uint64_t>(report.left_out)).member("other_requests", report.other_requests);
  json.key("unpriced").array();
  for (const auto& what : report.unpriced) json.value(what);
  return json.end().end().take() + "\n";
}

Result<Report> parse_report(std::string_view text) {
  const auto json = Json::parse(text, {.values = SIZE_MAX, .string = SIZE_MAX});
  if (!json) return no_report(json.error().what);
  Report report;
  const auto kind = json->string_at("report");
  const auto known = std::find(kReportKindNames.begin(), kReportKindNames.end(), kind.value_or(""));
  if (known == kReportKindNames.end()) return no_report("it does not say of what");
  report.kind = static_cast<ReportKind>(known - kReportKindNames.begin());
  report.currency = json->string_at("currency").value_or("");
  if (!valid_currency(report.currency)) return no_report("it has no currency");
  report.from = json->string_at("from").value_or("");
  report.to = json->string_at("to").value_or("");
  report.left_out = static_cast<std::size_t>(std::max<std::int64_t>(0, json->integer_at("left_out").value_or(0)));
  report.other_requests = static_cast<std::uint64_t>(std::max<std::int64_t>(0, json->integer_at("other_requests").value_or(0)));
  const auto by = json->at("by"), rows = json->at("rows"), unpriced = json->at("unpriced");
  if (!by || !rows || !by->is_array() || !rows->is_array()) return no_report("it has no rows");
  for (const auto& item : by->items()) {
    const auto dimension = parse_dimension(item.string().value_or(""));
    if (!dimension) return no_report("it is by something that is not known");
    report.by.push_back(*dimension);
  }
  for (const auto& item : rows->items()) {
    ReportRow row;
    for (const auto dimension : report.by) {
      const auto name = kDimensionNames[static_cast<std::size_t>(dimension)];
      const auto key = item.string_at(name);
      if (!key) return no_report("a row has no " + std::string(name));
      row.keys.push_back(*key);
    }
    const auto figures = read_figures(item);
    if (!figures) return figures.error();
    row.figures = *figures;
    report.total += *figures;
    report.rows.push_back(std::move(row));
    if (report.rows.size() > kMostReportRows) return no_report("it has too many rows");
  }
  if (unpriced) {
    for (const auto& item : unpriced->items()) report.unpriced.push_back(item.string().value_or(""));
  }
  return report;
}

Result<Report> merge_reports(std::vector<Report> reports) {
  const auto wrong = [](std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; };
  if (reports.empty()) return wrong("there is nothing to merge");
  Report merged;
  merged.kind = reports[0].kind;
  merged.currency = reports[0].currency;
  merged.by = reports[0].by;
  merged.from = reports[0].from;
  merged.to = reports[0].to;
  std::map<std::vector<std::string>, ReportFigures> rows;
  for (auto& report : reports) {
    if (report.kind != merged.kind) return wrong("a report of usage, one of cost and one of savings cannot be one report");
    if (report.currency != merged.currency)
      return wrong("reports in " + merged.currency + " and in " + report.currency + " cannot be added");
    if (report.by != merged.by) return wrong("reports by different things cannot be added");
    if (report.left_out > 0) return wrong("a report that was cut by --top has not all its rows");
    merged.from = std::min(merged.from, report.from);
    merged.to = std::max(merged.to, report.to);
    merged.other_requests += report.other_requests;
    for (auto& row : report.rows) rows[std::move(row.keys)] += row.figures;
    merged.unpriced.insert(merged.unpriced.end(), report.unpriced.begin(), report.unpriced.end());
  }
  std::sort(merged.unpriced.begin(), merged.unpriced.end());
  merged.unpriced.erase(std::unique(merged.unpriced.begin(), merged.unpriced.end()), merged.unpriced.end());
  for (auto& [keys, figures] : rows) {
    merged.total += figures;
    merged.rows.push_back({keys, figures});
  }
  order_report(merged, 0);
  return merged;
}

}  // namespace weir
