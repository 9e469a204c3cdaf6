// The bytes of a blob: held in memory, or computed from a size and a seed.
//
// A generated content costs no memory whatever its size, and any part of it can be computed directly, so a test may
// serve two gigabytes and resume at any offset. The same size and seed give the same bytes on every machine.
// Content is a value: copies are cheap and share what they hold. Any thread may use any copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/digest.h"

namespace weir::testing {

class Content {
 public:
  Content() : Content(std::string()) {}
  Content(std::string bytes);
  Content(const char* bytes) : Content(std::string(bytes)) {}

  // `digest`: the sha256 digest when it is known beforehand, which saves computing it: without SHA instructions a
  // processor needs four seconds for a gigabyte. It is believed.
  static Content generated(std::uint64_t size, std::uint64_t seed, const std::string& digest = "");

  std::uint64_t size() const;

  // Copies `count` bytes that start at `offset`. REQUIRES: offset + count <= size().
  void read(std::uint64_t offset, char* out, std::size_t count) const;

  std::string slice(std::uint64_t offset, std::size_t count) const;
  std::string text() const { return slice(0, static_cast<std::size_t>(size())); }

  // Computed when first asked for and remembered by all copies.
  const std::string& digest(Algorithm algorithm = Algorithm::sha256) const;

 private:
  struct Body;
  explicit Content(std::shared_ptr<const Body> body) : body_(std::move(body)) {}

  std::shared_ptr<const Body> body_;
};

}  // namespace weir::testing
