#include "tests/bench/instructions/figures.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

namespace weir::bench {
namespace {

std::string first_line_of(const char* command) {
  std::string line;
  FILE* pipe = ::popen(command, "r");
  if (!pipe) return line;
  for (int byte = ::fgetc(pipe); byte != EOF && byte != '\n'; byte = ::fgetc(pipe)) line += static_cast<char>(byte);
  ::pclose(pipe);
  return line;
}

std::string libc() {
  char version[64] = "another C library";
  (void)::confstr(_CS_GNU_LIBC_VERSION, version, sizeof version);
  return version;
}

// The C library and OpenSSL choose their code by what the processor can do.
std::string processor() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") ? "x86-64 with AVX2" : "x86-64 without AVX2";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "another processor";
#endif
}

const Figure* find(const Table& table, const std::string& operation) {
  const auto found = std::ranges::find(table.figures, operation, &Figure::operation);
  return found == table.figures.end() ? nullptr : &*found;
}

}  // namespace

std::string environment() {
  return "clang " __clang_version__ ", " + libc() + ", OpenSSL " + ::OpenSSL_version(OPENSSL_VERSION_STRING) + ", " +
         first_line_of("valgrind --version") + ", " + processor();
}

Table read_table(const std::string& file) {
  Table table;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const auto tab = line.find('\t');
    if (tab == line.npos) throw std::runtime_error(file + ": no tab in '" + line + "'");
    const auto name = line.substr(0, tab), value = line.substr(tab + 1);
    if (name == "environment") table.environment = value;
    else table.figures.push_back({name, std::stoll(value)});
  }
  return table;
}

void write_table(const std::string& file, const Table& table) {
  std::ofstream out(file);
  out << "# Instructions an operation, written by `make bench-instructions UPDATE=1`. What the operations are: "
         "tests/bench/README.md.\n"
      << "environment\t" << table.environment << '\n';
  for (const auto& figure : table.figures) out << figure.operation << '\t' << figure.instructions << '\n';
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file);
}

bool compare(const Table& expected, const Table& counted) {
  bool good = true, cheaper = false;
  std::printf("%-12s %12s %12s %8s\n", "operation", "expected", "counted", "change");
  for (const auto& figure : counted.figures) {
    const auto* wanted = find(expected, figure.operation);
    if (!wanted || wanted->instructions <= 0) {
      std::printf("%-12s %12s %12lld %8s  not in the table\n", figure.operation.c_str(), "-",
                  static_cast<long long>(figure.instructions), "-");
      good = false;
      continue;
    }
    const double change = 100.0 * static_cast<double>(figure.instructions - wanted->instructions) /
                          static_cast<double>(wanted->instructions);
    const bool within = std::abs(change) <= kTolerance;
    std::printf("%-12s %12lld %12lld %+7.1f%%  %s\n", figure.operation.c_str(), static_cast<long long>(wanted->instructions),
                static_cast<long long>(figure.instructions), change,
                within       ? "ok"
                : change > 0 ? "costs more"
                             : "costs less");
    good = good && within;
    cheaper = cheaper || change < -kTolerance;
  }
  for (const auto& wanted : expected.figures) {
    if (find(counted, wanted.operation)) continue;
    std::printf("%-12s %12lld %12s %8s  not counted\n", wanted.operation.c_str(), static_cast<long long>(wanted.instructions),
                "-", "-");
    good = false;
  }
  if (!expected.figures.empty() && expected.environment != counted.environment)
    std::printf(
        "\nThe environments differ, so the figures may differ without a change of weir:\n  expected  %s\n  here      %s\n",
        expected.environment.c_str(), counted.environment.c_str());
  if (cheaper)
    std::printf("\nWhat costs less is to be kept so: write the new figures with `make bench-instructions UPDATE=1`.\n");
  return good;
}

}  // namespace weir::bench
