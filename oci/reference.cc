#include "oci/reference.h"

namespace weir {
namespace {

bool word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

Result<Tag> Tag::parse(std::string_view text) {
  bool good = !text.empty() && text.size() <= 128 && word(text[0]);
  for (const char c : text) good = good && (word(c) || c == '.' || c == '-');
  if (!good) return Error{Failure::invalid, Side::client, false, "not a tag"};
  return Tag(std::string(text));
}

Result<Reference> Reference::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    auto digest = Digest::parse(text);
    if (!digest) return std::move(digest).error();
    return Reference(*std::move(digest));
  }
  auto tag = Tag::parse(text);
  if (!tag) return std::move(tag).error();
  return Reference(*std::move(tag));
}

Result<WrittenReference> parse_written_reference(std::string_view text) {
  WrittenReference written;
  const auto at = text.find('@');
  if (at != std::string_view::npos) {
    auto digest = Digest::parse(text.substr(at + 1));
    if (!digest) return std::move(digest).error();
    written.reference = *std::move(digest);
    text = text.substr(0, at);
  }
  // A colon after the last slash starts a tag; one before it belongs to a host's port.
  const auto slash = text.rfind('/');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    auto tag = Tag::parse(text.substr(colon + 1));
    if (!tag) return std::move(tag).error();
    if (!written.reference) written.reference = *std::move(tag);
    text = text.substr(0, colon);
  }
  if (text.empty()) return Error{Failure::invalid, Side::client, false, "a reference starts with a repository"};
  written.repository = text;
  return written;
}

}  // namespace weir
