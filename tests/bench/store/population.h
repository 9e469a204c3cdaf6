#pragma once
// Population: the blobs of the store, by number. Everything about one follows from its number, so that a process which asks
// for ten million of them at random need remember none.

#include <cstdint>
#include <string>
#include <vector>

#include "cache/index_records.h"
#include "oci/name.h"

namespace bench {

class Population {
 public:
  explicit Population(std::uint64_t count);

  std::uint64_t count() const noexcept { return count_; }
  // Numbers below count() are stored; the others look like them.
  static weir::Digest digest(std::uint64_t number);
  // What its file holds: always as many bytes, which are not those of the digest. Only hashing would tell.
  static std::string content(std::uint64_t number);
  static constexpr std::uint64_t kSize = 8;

  // Eight that follow each other are an image: the last is the manifest, and refers to the others.
  static constexpr std::uint64_t kImage = 8;
  static bool manifest(std::uint64_t number) { return number % kImage == kImage - 1; }
  const weir::Name& repository(std::uint64_t number) const { return repositories_[number / kImage % repositories_.size()]; }
  // Some layers are in two repositories, and of the next image too.
  static bool shared(std::uint64_t number) { return number % 10 == 0; }
  const weir::Name& other_repository(std::uint64_t number) const { return repository(number + kImage); }
  bool tagged(std::uint64_t number) const { return number % 20 == 0; }
  static std::string tag(std::uint64_t number) { return "v" + std::to_string(number); }
  // A third was used again after it had come: those move to the main queue before they can go.
  bool used(std::uint64_t number) const { return number % 3 == 0; }

 private:
  const std::uint64_t count_;
  std::vector<weir::Name> repositories_;
};

}  // namespace bench
