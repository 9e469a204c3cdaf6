// SHA-256 of a stream, in hexadecimal as digests are written.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace bench {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* data, size_t size);
  // The digest of all that was given, 64 lower-case digits. REQUIRES: called once, last.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace bench
