#pragma once
// Reports as text: a table for a person, CSV and JSON for programs, and JSON read again so that sites can be added up.
//
// A table rounds money to the currency's minor unit, half to even, and so its column may differ from its total by some of these.
// CSV and JSON have every digit. In JSON `cost` and `savings` are numbers, and the parts they are made of are texts: most who
// read a number keep no more than sixteen digits of it.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "meter/report.h"

namespace weir {

std::string report_table(const Report& report);
// RFC 4180, a line for each row and no total.
std::string report_csv(const Report& report);
// {"report":"cost","currency":"USD","from":...,"to":...,"by":["team"],"rows":[{"team":"ml","requests":1,...}],"total":{...},...}
std::string report_json(const Report& report);
// What report_json() wrote. Error: invalid, with what is wrong.
Result<Report> parse_report(std::string_view json);
// Several sites as one: rows with the same keys are added. Error: invalid when they differ in kind, currency or grouping, or one
// was cut by --top.
Result<Report> merge_reports(std::vector<Report> reports);

// A field of CSV, in quotes where it needs them.
std::string csv_field(std::string_view text);

}  // namespace weir
