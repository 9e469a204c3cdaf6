#include "tests/bench/store/reader.h"

#include <stdexcept>

namespace bench {

void Reader::look_up(bool may_go) {
  const auto number = random_() % (2 * blobs_.count());
  look_up(number, Population::digest(number), may_go);
}

std::optional<weir::BlobRecord> Reader::look_up(std::uint64_t number, const weir::Digest& digest, bool may_go) {
  const auto& repository = blobs_.repository(number);
  const auto began = store_.clock().now();
  auto holding = store_.index().holding(repository, digest);
  lookups_.add(store_.clock().now() - began);
  const bool stored = number < blobs_.count();
  if (holding.link.has_value() != stored) throw std::runtime_error("the index is wrong about a link");
  if (holding.blob.has_value() != stored && !(stored && may_go)) throw std::runtime_error("the index is wrong about a blob");
  return std::move(holding.blob);
}

void Reader::look_up_and_open() {
  const auto number = random_() % (2 * blobs_.count());
  const auto digest = Population::digest(number);
  const auto record = look_up(number, digest, true);
  if (!record) return;
  const auto began = store_.clock().now();
  const auto opened = store_.open_blob(digest, *record);
  opens_.add(store_.clock().now() - began);
  if (!opened && opened.error().failure != weir::Failure::not_found) throw std::runtime_error(opened.error().what);
}

}  // namespace bench
