// fixture --size BYTES --seed N FILE: writes BYTES of the same incompressible bytes for the same seed, prints their sha256.

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sha256.h"

namespace {

// SplitMix64: eight good bytes a step, faster than a disk.
uint64_t next_random(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

bool write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n < 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || strcmp(argv[1], "--size") != 0 || strcmp(argv[3], "--seed") != 0) {
    fprintf(stderr, "usage: fixture --size BYTES --seed N FILE\n");
    return 2;
  }
  uint64_t left = strtoull(argv[2], nullptr, 10);
  uint64_t state = strtoull(argv[4], nullptr, 10);
  const int fd = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    perror(argv[5]);
    return 1;
  }
  bench::Sha256 sha;
  std::vector<uint64_t> piece(128 * 1024);
  while (left > 0) {
    for (uint64_t& word : piece) word = next_random(state);
    const size_t size = std::min<uint64_t>(left, piece.size() * sizeof(uint64_t));
    sha.update(piece.data(), size);
    if (!write_all(fd, reinterpret_cast<const char*>(piece.data()), size)) {
      perror(argv[5]);
      return 1;
    }
    left -= size;
  }
  if (close(fd) != 0) {
    perror(argv[5]);
    return 1;
  }
  printf("%s\n", sha.hex().c_str());
}
