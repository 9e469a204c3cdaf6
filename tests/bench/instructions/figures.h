// Figures: instructions of each operation, and the table of them in the tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::bench {

struct Figure {
  std::string operation;
  std::int64_t instructions = 0;
};

struct Table {
  std::string environment;  // where the figures were counted
  std::vector<Figure> figures;
};

// The versions of what decides about the counts beside the program's own sources.
std::string environment();

// Empty when there is no file. Throws std::runtime_error when a line is not "NAME<tab>VALUE".
Table read_table(const std::string& file);
void write_table(const std::string& file, const Table& table);

// Prints every operation beside what is expected of it. True: none differs by more than kTolerance percent.
inline constexpr double kTolerance = 3;
bool compare(const Table& expected, const Table& counted);

}  // namespace weir::bench
