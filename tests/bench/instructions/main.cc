// bench_instructions TABLE [--update]    how many instructions each operation of the program costs, compared with TABLE
//
// $WEIR is the program, without debug information. --update writes what was counted to TABLE instead. Exit 0: all are within
// three percent; 1: some are not, or it could not be counted; 2: wrong usage.

#include <cstdio>
#include <exception>
#include <string>

#include "tests/bench/instructions/figures.h"
#include "tests/bench/instructions/operations.h"

int main(int count, char** words) {
  using namespace weir::bench;
  const bool update = count == 3 && std::string(words[2]) == "--update";
  if (count != 2 && !update) {
    std::fputs("usage: bench_instructions TABLE [--update]\n", stderr);
    return 2;
  }
  try {
    const Table expected = read_table(words[1]);
    const Table counted{environment(), measure_operations()};
    const bool good = compare(expected, counted);
    if (!update) return good ? 0 : 1;
    write_table(words[1], counted);
    std::printf("\nwritten to %s\n", words[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_instructions: %s\n", error.what());
    return 1;
  }
}
