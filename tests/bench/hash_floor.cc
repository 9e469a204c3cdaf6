// hash_floor FILE: the seconds one thread needs to read FILE and hash it, as a line of the shape that `load` prints.
//
// Whoever verifies a blob before its last byte goes out, on one thread, cannot be faster than this.

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <vector>

#include "sha256.h"

namespace {

double seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) {
    fprintf(stderr, "usage: hash_floor FILE (that can be read)\n");
    return 2;
  }
  const double wall_before = seconds(CLOCK_MONOTONIC), cpu_before = seconds(CLOCK_PROCESS_CPUTIME_ID);
  bench::Sha256 sha;
  std::vector<char> piece(256 * 1024);
  long long bytes = 0;
  for (ssize_t n; (n = read(fd, piece.data(), piece.size())) > 0; bytes += n) sha.update(piece.data(), static_cast<size_t>(n));
  sha.hex();
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
  printf("wall=%.6f first_byte=0 cpu=%.6f settled_cpu=%.6f client_cpu=0 requests=1 bytes=%lld\n",
         seconds(CLOCK_MONOTONIC) - wall_before, cpu, cpu, bytes);
}
