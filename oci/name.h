#pragma once
// Repository names (OCI distribution-spec, "Pulling manifests": the <name> grammar).

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// The <name> of a URL: `library/alpine`, or with a registry host in front `docker.io/library/alpine`.
// At most 255 bytes; a first component of several may carry a port.
class RepositoryPath {
 public:
  RepositoryPath() = default;
  static Result<RepositoryPath> parse(std::string_view text);

  const std::string& text() const noexcept { return text_; }
  // The first component, or nothing when it is the only one.
  std::string_view first() const;
  // What follows the first component.
  RepositoryPath rest() const;
  bool single() const noexcept { return text_.find('/') == std::string::npos; }
  // `library/` in front, as Docker Hub's official images have it.
  RepositoryPath in_library() const;

  friend auto operator<=>(const RepositoryPath&, const RepositoryPath&) = default;

 private:
  std::string text_;
};

// A namespace as `?ns=`, a path prefix and the configuration write it: a host, maybe with a port, or a plain word;
// at most 100 bytes.
bool valid_namespace(std::string_view text);

// The canonical repository: namespace and path, `docker.io/library/alpine`.
class Name {
 public:
  Name() = default;
  Name(std::string_view name_space, RepositoryPath path);

  std::string_view name_space() const noexcept { return std::string_view(text_).substr(0, split_); }
  const RepositoryPath& path() const noexcept { return path_; }
  const std::string& text() const noexcept { return text_; }

  friend bool operator==(const Name& a, const Name& b) { return a.text_ == b.text_; }
  friend auto operator<=>(const Name& a, const Name& b) { return a.text_ <=> b.text_; }

 private:
  std::string text_;
  std::size_t split_ = 0;
  RepositoryPath path_;
};

}  // namespace weir
