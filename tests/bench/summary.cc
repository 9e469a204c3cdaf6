// summary --samples FILE --notes FILE [--fact NAME=VALUE]... [--json FILE]: the runs of a benchmark as a table, and the same as JSON.
//
// FILE of samples, one run a line:     part TAB case TAB peer TAB key=value key=value ...   (what `load` printed)
// FILE of notes, one a line:           skipped|broken TAB part TAB peer TAB reason
// Rounds are the order of lines. Every figure is a median over them; a ratio is one of medians, and beside it stand the quartiles
// of the ratios that each round alone would give.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Run = std::map<std::string, double>;  // what one run measured

double value(const Run& run, const char* key) {
  const auto found = run.find(key);
  return found == run.end() ? 0 : found->second;
}

double over(double a, double b) { return b > 0 ? a / b : 0; }

struct Metric {
  const char* name;  // in JSON
  const char* title;  // in the table
  int decimals;
  double (*of)(const Run&);
};

constexpr double kGigabyte = 1e9;

struct Part {
  const char* letter;
  const char* title;
  const char* baseline;  // the peer that weir is compared with
  double target;  // weir's ratio to it, at most
  std::vector<Metric> metrics;  // the first one is judged
};

const std::vector<Part> kParts{
    {"A",
     "Manifest hit: server CPU a request",
     "nginx",
     1.20,
     {{"server_cpu_us_per_request", "CPU us/req", 2, [](const Run& r) { return over(value(r, "cpu") * 1e6, value(r, "requests")); }},
      {"requests_per_second", "req/s", 0, [](const Run& r) { return over(value(r, "requests"), value(r, "wall")); }},
      {"client_cpu_us_per_request", "client us/req", 2,
       [](const Run& r) { return over(value(r, "client_cpu") * 1e6, value(r, "requests")); }}}},
    {"B",
     "Blob hit: server CPU a gigabyte",
     "bare",
     1.15,
     {{"server_cpu_s_per_gb", "CPU s/GB", 4, [](const Run& r) { return over(value(r, "cpu") * kGigabyte, value(r, "bytes")); }},
      {"gb_per_second", "GB/s", 2, [](const Run& r) { return over(value(r, "bytes") / kGigabyte, value(r, "wall")); }},
      {"client_cpu_s_per_gb", "client s/GB", 4,
       [](const Run& r) { return over(value(r, "client_cpu") * kGigabyte, value(r, "bytes")); }}}},
    {"C",
     "Cold pull: seconds to the last byte of the last client",
     "docker-registry",
     1.00,
     {{"wall_s", "seconds", 3, [](const Run& r) { return value(r, "wall"); }},
      {"server_cpu_s", "CPU s", 3, [](const Run& r) { return value(r, "settled_cpu"); }},
      {"first_byte_s", "first byte s", 3, [](const Run& r) { return value(r, "first_byte"); }},
      {"upstream_copies", "upstream copies", 2,
       [](const Run& r) { return over(value(r, "upstream_bytes"), value(r, "blob_bytes")); }}}},
};

struct Row {
  std::string part, scene, peer;
  std::vector<Run> runs;
};

struct Note {
  std::string kind, part, peer, reason;
};

struct Figure {
  double median = 0, least = 0, most = 0, lower_quartile = 0, upper_quartile = 0;
  std::vector<double> values;
};

// The value below which `share` of the sorted values lie, between two of them by their distance.
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(at), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

Figure figure_of(std::vector<double> values) {
  Figure out;
  out.values = values;
  if (values.empty()) return out;
  std::sort(values.begin(), values.end());
  out.median = quantile(values, 0.5);
  out.least = values.front();
  out.most = values.back();
  out.lower_quartile = quantile(values, 0.25);
  out.upper_quartile = quantile(values, 0.75);
  return out;
}

Figure figure_of(const Row& row, const Metric& metric) {
  std::vector<double> values;
  for (const Run& run : row.runs) values.push_back(metric.of(run));
  return figure_of(values);
}

struct Comparison {
  bool compared = false;
  double ratio = 0;
  Figure rounds;
  std::string verdict;  // empty for rows nobody promised anything about
};

const Row* find_row(const std::vector<Row>& rows, const Row& like, const char* peer) {
  for (const Row& row : rows)
    if (row.part == like.part && row.scene == like.scene && row.peer == peer) return &row;
  return nullptr;
}

Comparison compare(const std::vector<Row>& rows, const Row& row, const Part& part) {
  Comparison out;
  const Row* baseline = find_row(rows, row, part.baseline);
  if (!baseline) {
    if (row.peer == "weir") out.verdict = "no baseline";
    return out;
  }
  const Figure own = figure_of(row, part.metrics[0]), base = figure_of(*baseline, part.metrics[0]);
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(own.values.size(), base.values.size()); ++i)
    ratios.push_back(over(own.values[i], base.values[i]));
  out.compared = true;
  out.ratio = over(own.median, base.median);
  out.rounds = figure_of(ratios);
  if (row.peer == part.baseline) out.verdict = "baseline";
  if (row.peer == "weir") out.verdict = out.ratio <= part.target ? "met" : "missed";
  return out;
}

std::string fixed(double number, int decimals) {
  char buffer[64];
  snprintf(buffer, sizeof buffer, "%.*f", decimals, number);
  return buffer;
}

// Columns as wide as their widest cell; the first two are words, the others numbers.
void print_columns(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> width(lines[0].size());
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], line[i].size());
  for (const auto& line : lines) {
    std::string out = " ";
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string pad(width[i] - line[i].size(), ' ');
      out += i < 2 || i + 1 == line.size() ? " " + line[i] + pad + " " : " " + pad + line[i] + " ";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    puts(out.c_str());
  }
}

void print_part(const Part& part, const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{{"case", "peer"}};
  for (const Metric& metric : part.metrics) lines[0].push_back(metric.title);
  for (const char* title : {"ratio", "quartiles", "target", "verdict"}) lines[0].push_back(title);
  for (const Row& row : rows) {
    if (row.part != part.letter) continue;
    const Comparison comparison = compare(rows, row, part);
    std::vector<std::string> line{row.scene, row.peer};
    for (const Metric& metric : part.metrics) line.push_back(fixed(figure_of(row, metric).median, metric.decimals));
    line.push_back(comparison.compared ? fixed(comparison.ratio, 2) : "-");
    line.push_back(
        comparison.compared ? fixed(comparison.rounds.lower_quartile, 2) + "-" + fixed(comparison.rounds.upper_quartile, 2) : "-");
    line.push_back(row.peer == "weir" ? "<=" + fixed(part.target, 2) : "-");
    line.push_back(comparison.verdict);
    lines.push_back(line);
  }
  if (lines.size() == 1) return;
  printf("\n%s. %s (ratio to %s)\n", part.letter, part.title, part.baseline);
  print_columns(lines);
}

std::string quoted(std::string_view raw) {
  std::string out = "\"";
  for (const char c : raw) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// A number where the whole of `raw` is one.
std::string json_value(const std::string& raw) {
  char* end = nullptr;
  strtod(raw.c_str(), &end);
  return !raw.empty() && *end == '\0' ? raw : quoted(raw);
}

std::string json_row(const Row& row, const Part& part, const std::vector<Row>& rows) {
  std::ostringstream out;
  const Comparison comparison = compare(rows, row, part);
  out << "    {\"part\": " << quoted(row.part) << ", \"case\": " << quoted(row.scene) << ", \"peer\": " << quoted(row.peer)
      << ", \"metric\": " << quoted(part.metrics[0].name) << ", \"baseline\": " << quoted(part.baseline);
  if (comparison.compared) {
    out << ", \"ratio\": " << comparison.ratio << ", \"ratio_lower_quartile\": " << comparison.rounds.lower_quartile
        << ", \"ratio_upper_quartile\": " << comparison.rounds.upper_quartile;
  }
  if (row.peer == "weir") out << ", \"target\": " << part.target;
  if (!comparison.verdict.empty()) out << ", \"verdict\": " << quoted(comparison.verdict);
  out << ", \"figures\": {";
  const char* comma = "";
  for (const Metric& metric : part.metrics) {
    const Figure figure = figure_of(row, metric);
    out << comma << quoted(metric.name) << ": {\"median\": " << figure.median << ", \"min\": " << figure.least
        << ", \"max\": " << figure.most << ", \"rounds\": [";
    for (size_t i = 0; i < figure.values.size(); ++i) out << (i ? ", " : "") << figure.values[i];
    out << "]}";
    comma = ", ";
  }
  out << "}}";
  return out.str();
}

std::string json(const std::vector<Row>& rows, const std::vector<Note>& notes, const std::vector<std::string>& facts) {
  std::ostringstream out;
  out << "{\n  \"format\": 1";
  for (const std::string& fact : facts) {
    const size_t equals = fact.find('=');
    out << ",\n  " << quoted(fact.substr(0, equals)) << ": "
        << json_value(equals == std::string::npos ? "" : fact.substr(equals + 1));
  }
  out << ",\n  \"rows\": [";
  const char* comma = "\n";
  for (const Part& part : kParts)
    for (const Row& row : rows)
      if (row.part == part.letter) {
        out << comma << json_row(row, part, rows);
        comma = ",\n";
      }
  out << "\n  ],\n  \"notes\": [";
  comma = "\n";
  for (const Note& note : notes) {
    out << comma << "    {\"kind\": " << quoted(note.kind) << ", \"part\": " << quoted(note.part)
        << ", \"peer\": " << quoted(note.peer) << ", \"reason\": " << quoted(note.reason) << "}";
    comma = ",\n";
  }
  out << "\n  ]\n}\n";
  return out.str();
}

std::vector<std::string> split(const std::string& line, size_t fields) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string field; out.size() < fields && std::getline(in, field, '\t');) out.push_back(field);
  out.resize(fields);
  return out;
}

std::vector<Row> read_rows(const char* path) {
  std::vector<Row> rows;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> fields = split(line, 4);
    Row row{fields[0], fields[1], fields[2], {}};
    Run run;
    std::istringstream pairs(fields[3]);
    for (std::string pair; pairs >> pair;) {
      const size_t equals = pair.find('=');
      if (equals != std::string::npos) run[pair.substr(0, equals)] = strtod(pair.c_str() + equals + 1, nullptr);
    }
    const auto known = std::find_if(rows.begin(), rows.end(), [&](const Row& r) {
      return r.part == row.part && r.scene == row.scene && r.peer == row.peer;
    });
    Row& place = known == rows.end() ? rows.emplace_back(row) : *known;
    place.runs.push_back(run);
  }
  // Cases in the order they were first measured; within one weir, then its baseline, then the others by name.
  std::vector<std::string> scenes;
  for (const Row& row : rows)
    if (std::find(scenes.begin(), scenes.end(), row.part + row.scene) == scenes.end()) scenes.push_back(row.part + row.scene);
  const auto rank = [&](const Row& row) {
    const auto scene = std::find(scenes.begin(), scenes.end(), row.part + row.scene) - scenes.begin();
    const bool is_baseline = std::any_of(kParts.begin(), kParts.end(),
                                         [&](const Part& part) { return row.part == part.letter && row.peer == part.baseline; });
    return std::pair(scene, row.peer == "weir" ? std::string("0") : is_baseline ? std::string("1") : "2" + row.peer);
  };
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return rank(a) < rank(b); });
  return rows;
}

std::vector<Note> read_notes(const char* path) {
  std::vector<Note> notes;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> fields = split(line, 4);
    notes.push_back({fields[0], fields[1], fields[2], fields[3]});
  }
  return notes;
}

}  // namespace

int main(int argc, char** argv) {
  const char *samples = "", *notes_path = "", *json_path = nullptr;
  std::vector<std::string> facts;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--samples") samples = argv[i + 1];
    if (name == "--notes") notes_path = argv[i + 1];
    if (name == "--json") json_path = argv[i + 1];
    if (name == "--fact") facts.push_back(argv[i + 1]);
  }
  const std::vector<Row> rows = read_rows(samples);
  const std::vector<Note> notes = read_notes(notes_path);
  for (const Part& part : kParts) print_part(part, rows);
  if (!notes.empty()) puts("");
  for (const Note& note : notes)
    printf("%s: part %s, %s: %s\n", note.kind.c_str(), note.part.c_str(), note.peer.c_str(), note.reason.c_str());
  if (json_path) {
    std::ofstream out(json_path);
    out << json(rows, notes, facts);
    out.close();
    if (!out) {
      fprintf(stderr, "summary: cannot write %s\n", json_path);
      return 1;
    }
  }
}
