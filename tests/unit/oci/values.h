// Short ways to write the values of oci/ down in a test. What is not well-formed ends the program: it is the test's mistake.
#pragma once

#include <string>
#include <string_view>

#include "oci/digest.h"
#include "oci/name.h"
#include "oci/reference.h"

namespace weir::testing {

inline Digest sha256_of(std::string_view bytes) { return Digest::of(HashAlgorithm::sha256, bytes); }

inline RepositoryPath path_of(std::string_view text) { return RepositoryPath::parse(text).value(); }

// `docker.io/library/alpine`: the namespace, then the path.
inline Name name_of(std::string_view text) {
  const auto slash = text.find('/');
  return Name(text.substr(0, slash), path_of(text.substr(slash + 1)));
}

inline Tag tag_of(std::string_view text) { return Tag::parse(text).value(); }

// Well-formed and of nothing in particular; another `number`, another digest.
inline Digest some_digest(unsigned number = 0) { return sha256_of("some digest " + std::to_string(number)); }

}  // namespace weir::testing
