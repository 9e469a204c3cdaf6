#include "tests/bench/store/population.h"

#include <cstring>

namespace bench {
namespace {

constexpr int kRepositories = 1000;

// splitmix64: neighbours lie far apart, as digests do.
std::uint64_t scatter(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

}  // namespace

Population::Population(std::uint64_t count) : count_(count) {
  for (int i = 0; i < kRepositories; ++i) {
    repositories_.emplace_back("docker.io", *weir::RepositoryPath::parse("bench/image-" + std::to_string(i)));
  }
}

weir::Digest Population::digest(std::uint64_t number) {
  std::string raw(32, '\0');
  for (std::uint64_t part = 0; part < 4; ++part) {
    const auto bits = scatter(4 * number + part);
    std::memcpy(raw.data() + 8 * part, &bits, sizeof bits);
  }
  return weir::Digest::from_raw(weir::HashAlgorithm::sha256, raw);
}

std::string Population::content(std::uint64_t number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }

}  // namespace bench
