#pragma once
// Reference: what names a manifest within a repository, a tag or a digest.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "oci/digest.h"

namespace weir {

// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} (distribution-spec, "Pulling manifests").
class Tag {
 public:
  static Result<Tag> parse(std::string_view text);
  const std::string& text() const noexcept { return text_; }
  friend auto operator<=>(const Tag&, const Tag&) = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class Reference {
 public:
  Reference(Tag tag) : value_(std::move(tag)) {}           // NOLINT: meant to convert
  Reference(Digest digest) : value_(std::move(digest)) {}  // NOLINT

  // What contains a colon is a digest, all else a tag.
  static Result<Reference> parse(std::string_view text);

  const Tag* tag() const { return std::get_if<Tag>(&value_); }
  const Digest* digest() const { return std::get_if<Digest>(&value_); }
  std::string text() const { return tag() ? tag()->text() : digest()->text(); }

 private:
  std::variant<Tag, Digest> value_;
};

// `docker.io/library/alpine:3`, `docker.io/library/alpine@sha256:…`, `…:3@sha256:…` (the digest decides), or a bare
// repository; what a person writes on a command line. The parts are not yet looked up in any configuration.
struct WrittenReference {
  std::string repository;
  std::optional<Reference> reference;
};
Result<WrittenReference> parse_written_reference(std::string_view text);

}  // namespace weir
