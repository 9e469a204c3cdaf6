#include "oci/manifest_reader.h"

#include "oci/media_type.h"

namespace weir {
namespace {

constexpr std::size_t kMostPlatform = 100;   // bytes
constexpr std::size_t kMostMediaType = 255;  // bytes (RFC 6838 4.2)
constexpr std::size_t kMostDigest = 255;     // bytes; every digest is shorter

// The members that registries and clients know (OCI image-spec manifest.md, image-index.md, descriptor.md, the former
// artifact manifest; Docker image manifest version 2 schema 2 and manifest list).
enum Top : unsigned { kTopMediaType, kTopArtifactType, kTopConfig, kTopLayers, kTopManifests, kTopSubject };
constexpr std::string_view kTopNames[] = {"mediaType", "artifactType", "config",      "layers",       "manifests",
                                          "subject",   "blobs",        "annotations", "schemaVersion"};
enum InDescriptor : unsigned { kMediaType, kDigest, kSize, kUrls, kPlatform };
constexpr std::string_view kDescriptorNames[] = {"mediaType", "digest",      "size", "urls",
                                                 "platform",  "annotations", "data", "artifactType"};
enum InPlatform : unsigned { kOs, kArchitecture, kVariant };
constexpr std::string_view kPlatformNames[] = {"os", "architecture", "variant", "os.version", "os.features", "features"};

Error bad_descriptor() { return bad_manifest("a descriptor needs a digest and a size"); }

}  // namespace

Error bad_manifest(std::string what) { return Error{Failure::invalid, Side::upstream, false, "manifest: " + std::move(what)}; }

std::optional<std::string> PlatformParts::text() const {
  // Attestations have the os `unknown`.
  if (os.empty() || architecture.empty() || os == "unknown") return "";
  std::string text = os + '/' + architecture + (variant.empty() ? "" : '/' + variant);
  if (text.size() > kMostPlatform) return std::nullopt;
  return text;
}

ManifestReader::ManifestReader() : top_(kTopNames), descriptor_(kDescriptorNames), platform_members_(kPlatformNames) {}

bool ManifestReader::linkable() const {
  return !too_much_ && !top_.ambiguous() && !descriptor_.ambiguous() && !platform_members_.ambiguous();
}

ManifestReader::Part* ManifestReader::part_of_member() {
  if (level_ != Level::top || !member_) return nullptr;
  switch (*member_) {
    case kTopConfig: return &config;
    case kTopLayers: return &layers;
    case kTopManifests: return &manifests;
    case kTopSubject: return &subject;
    default: return nullptr;
  }
}

// Of two members of one name the last counts, as ever; the document is ambiguous then.
void ManifestReader::begin_part(Part& part) {
  part = Part{};
  part.there = true;
  part_ = &part;
}

void ManifestReader::begin_descriptor(Level parent) {
  draft_ = Draft{};
  parent_ = parent;
  level_ = Level::descriptor;
  descriptor_.begin();
}

bool ManifestReader::begin_object() {
  if (skipped_ > 0) return ++skipped_, true;
  switch (level_) {
    case Level::outside:
      is_object = true;
      level_ = Level::top;
      top_.begin();
      return true;
    case Level::top:
      if (member_ != kTopConfig && member_ != kTopSubject) break;
      begin_part(*part_of_member());
      begin_descriptor(Level::top);
      return true;
    case Level::list: begin_descriptor(Level::list); return true;
    case Level::descriptor:
      if (member_ != kPlatform) break;
      level_ = Level::platform;
      platform_ = PlatformParts{};
      platform_members_.begin();
      return true;
    case Level::platform: break;
  }
  other();
  skipped_ = 1;
  return true;
}

bool ManifestReader::begin_array() {
  if (skipped_ > 0) return ++skipped_, true;
  if (level_ == Level::top && (member_ == kTopLayers || member_ == kTopManifests)) {
    begin_part(*part_of_member());
    level_ = Level::list;
    return true;
  }
  other();
  skipped_ = 1;
  return true;
}

bool ManifestReader::key(std::string_view name) {
  if (skipped_ > 0) return true;
  switch (level_) {
    case Level::top: member_ = top_.next(name); break;
    case Level::descriptor: member_ = descriptor_.next(name); break;
    case Level::platform: member_ = platform_members_.next(name); break;
    default: break;
  }
  return true;
}

bool ManifestReader::end() {
  if (skipped_ > 0) return --skipped_, true;
  switch (level_) {
    case Level::platform: {
      const auto text = platform_.text();
      too_much_ = too_much_ || !text;
      draft_.platform = text.value_or("");
      level_ = Level::descriptor;
      break;
    }
    case Level::descriptor: end_descriptor(); break;
    case Level::list: level_ = Level::top; break;
    case Level::top:
    case Level::outside: level_ = Level::outside; break;
  }
  return true;
}

void ManifestReader::end_descriptor() {
  level_ = parent_;
  if (!draft_.digest || !draft_.size || *draft_.size < 0) return add(bad_descriptor());
  auto digest = Digest::parse(*draft_.digest);
  if (!digest) return add(bad_manifest("a descriptor's " + digest.error().what));
  add(Descriptor{std::move(draft_.media_type), *std::move(digest), static_cast<std::uint64_t>(*draft_.size),
                 std::move(draft_.platform), draft_.elsewhere});
}

void ManifestReader::add(Result<Descriptor> descriptor) {
  if (part_->error) return;
  if (!descriptor) {
    part_->error = std::move(descriptor).error();
  } else if (part_ == &subject || kept_ < Manifest::kMostDescriptors) {
    if (part_ != &subject) ++kept_;
    part_->descriptors.push_back(*std::move(descriptor));
  } else {
    too_much_ = true;
  }
}

bool ManifestReader::integer(std::int64_t value) {
  if (skipped_ > 0 || level_ != Level::descriptor || member_ != kSize) return other();
  draft_.size = value;
  return true;
}

bool ManifestReader::string(std::string_view value) {
  if (skipped_ > 0) return true;
  if (level_ == Level::top && member_ == kTopMediaType) media_type = value.substr(0, kMostMediaType);
  else if (level_ == Level::top && member_ == kTopArtifactType) artifact_type = value.substr(0, kMostMediaType);
  else if (level_ == Level::descriptor && member_ == kDigest) draft_.digest = value.substr(0, kMostDigest);
  else if (level_ == Level::descriptor && member_ == kMediaType) {
    draft_.media_type = value.substr(0, kMostMediaType);
    draft_.elsewhere = draft_.elsewhere || media_type::is_elsewhere(value);
  } else if (level_ == Level::platform && member_ == kOs) platform_.os = value.substr(0, kMostPlatform + 1);
  else if (level_ == Level::platform && member_ == kArchitecture) platform_.architecture = value.substr(0, kMostPlatform + 1);
  else if (level_ == Level::platform && member_ == kVariant) platform_.variant = value.substr(0, kMostPlatform + 1);
  else other();
  return true;
}

// A member that must be something else is a fault where it counts, and left out where it does not.
bool ManifestReader::other() {
  if (skipped_ > 0) return true;
  switch (level_) {
    case Level::top:
      if (member_ == kTopMediaType) media_type.clear();
      if (member_ == kTopArtifactType) artifact_type.clear();
      if (member_ == kTopSubject) subject = Part{};
      if (member_ == kTopConfig) {
        begin_part(config);
        config.error = bad_descriptor();
      } else if (member_ == kTopLayers || member_ == kTopManifests) {
        begin_part(*part_of_member());
        part_->error = bad_manifest(std::string(kTopNames[*member_]) + " is not a list");
      }
      break;
    case Level::list: add(bad_descriptor()); break;
    case Level::descriptor:
      if (member_ == kUrls) draft_.elsewhere = true;
      if (member_ == kDigest) draft_.digest.reset();
      if (member_ == kSize) draft_.size.reset();
      if (member_ == kPlatform) draft_.platform.clear();
      break;
    case Level::platform:
    case Level::outside: break;
  }
  return true;
}

}  // namespace weir
