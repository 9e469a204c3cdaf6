#pragma once
// Pattern: which repositories and tags a person means by `docker.io/library/**`, `quay.io/prometheus/*:v2.*` or
// `ghcr.io/site/app@sha256:…`. `*` stands for any characters within one component, `**` for any at all; in a tag they are one.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/digest.h"

namespace weir {

// Whether all of `text` is meant. Its time is bounded by the product of the two lengths.
bool matches_glob(std::string_view pattern, std::string_view text);

class Pattern {
 public:
  // Error: invalid, with what is wrong.
  static Result<Pattern> parse(std::string_view text);

  const std::string& text() const noexcept { return text_; }
  bool names_repository(std::string_view repository) const { return matches_glob(repository_, repository); }
  // All of the repository is meant, whatever its tags.
  bool whole_repository() const noexcept { return tag_.empty() && !digest_; }
  bool names_tag(std::string_view tag) const { return !tag_.empty() && matches_glob(tag_, tag); }
  const std::optional<Digest>& digest() const noexcept { return digest_; }
  // What every repository that is meant begins with.
  std::string_view literal_prefix() const { return std::string_view(repository_).substr(0, repository_.find('*')); }

 private:
  std::string text_, repository_, tag_;
  std::optional<Digest> digest_;
};

}  // namespace weir
