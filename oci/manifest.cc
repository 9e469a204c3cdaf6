#include "oci/manifest.h"

#include <algorithm>

#include "base/json.h"
#include "oci/manifest_reader.h"
#include "oci/media_type.h"
#include "oci/members.h"

namespace weir {
namespace {

// The densest manifest of 4 MiB that is one, of descriptors alone, has 180,000 values.
constexpr JsonLimits kLimits{.depth = 64, .values = 1 << 18, .string = 1 << 20};

Status move_all(ManifestReader::Part& part, std::vector<Descriptor>& into) {
  if (part.error) return *std::move(part.error);
  if (into.empty()) into = std::move(part.descriptors);
  else std::ranges::move(part.descriptors, std::back_inserter(into));
  return ok_status();
}

// The members of a config that say what it runs on.
class ConfigReader final : public JsonEvents {
 public:
  PlatformParts platform;
  bool ambiguous() const { return members_.ambiguous(); }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool integer(std::int64_t) override { return true; }
  bool number(double) override { return true; }
  bool string(std::string_view value) override {
    if (depth_ != 1 || !member_) return true;
    std::string* const parts[] = {&platform.os, &platform.architecture, &platform.variant};
    if (*member_ < std::size(parts)) *parts[*member_] = value;
    return true;
  }
  bool begin_object() override {
    if (++depth_ == 1) members_.begin();
    return true;
  }
  bool key(std::string_view name) override {
    if (depth_ == 1) member_ = members_.next(name);
    return true;
  }
  bool end_object() override { return --depth_, true; }
  bool begin_array() override { return ++depth_, true; }
  bool end_array() override { return --depth_, true; }

 private:
  static constexpr std::string_view kNames[] = {"os", "architecture", "variant", "os.version", "os.features"};
  Members members_{kNames, Members::Repeats::of_known_names};
  unsigned depth_ = 0;
  std::optional<unsigned> member_;  // the last known name of the outermost object
};

}  // namespace

Result<Manifest> Manifest::parse(std::string_view bytes, std::string_view content_type) {
  if (bytes.size() > kMostBytes) {
    return Error{Failure::too_large, Side::upstream, false, "manifest: larger than 4 MiB"};
  }
  ManifestReader read;
  if (const auto status = read_json(bytes, read, kLimits); !status) return bad_manifest(status.error().what);
  if (!read.is_object) return bad_manifest("not an object");

  const auto& said = read.media_type;
  const auto named = content_type.empty() ? said : media_type::without_parameters(content_type);
  if (!media_type::is_manifest(named)) return bad_manifest("media type '" + named + "' is none that is served");
  if (!said.empty() && said != named) return bad_manifest("it says it is " + said + " but was sent as " + named);

  Manifest manifest;
  manifest.media_type = named;
  manifest.artifact_type = std::move(read.artifact_type);
  if (media_type::is_index(named)) {
    if (!read.manifests.there) return bad_manifest("an index without manifests");
    if (auto status = move_all(read.manifests, manifest.manifests); !status) return std::move(status).error();
  } else {
    if (!read.config.there) return bad_manifest("an image manifest without config");
    if (auto status = move_all(read.config, manifest.blobs); !status) return std::move(status).error();
    if (auto status = move_all(read.layers, manifest.blobs); !status) return std::move(status).error();
  }
  if (read.subject.error) return *std::move(read.subject.error);
  if (!read.subject.descriptors.empty()) manifest.subject = std::move(read.subject.descriptors.front());
  if (read.linkable()) return manifest;
  manifest.linkable = false;
  manifest.blobs.clear();
  manifest.manifests.clear();
  manifest.subject.reset();
  return manifest;
}

std::uint64_t Manifest::layer_bytes() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < blobs.size(); ++i) sum += std::min(blobs[i].size, UINT64_MAX - sum);
  return sum;
}

std::optional<std::string> platform_of_config(std::string_view bytes) {
  const auto first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || bytes[first] != '{') return "";
  ConfigReader read;
  if (!read_json(bytes, read, kLimits) || read.ambiguous()) return std::nullopt;
  return read.platform.text();
}

}  // namespace weir
