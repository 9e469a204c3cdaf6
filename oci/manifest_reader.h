#pragma once
// ManifestReader: the events of a manifest's JSON, collected into descriptors. Manifest::parse() judges what it collected.
//
//   { ... "config": DESCRIPTOR, "layers": [DESCRIPTOR, ...], "manifests": [DESCRIPTOR, ...], "subject": DESCRIPTOR }
//   DESCRIPTOR { "mediaType", "digest", "size", "urls", "platform": { "os", "architecture", "variant" } }
//
// Everything else is skipped, however deep. Memory: at most Manifest::kMostDescriptors descriptors.

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "oci/manifest.h"
#include "oci/members.h"

namespace weir {

// `os/architecture/variant` from the members of a platform or a config; empty: none. Nothing: it is too long to be kept.
struct PlatformParts {
  std::string os, architecture, variant;
  std::optional<std::string> text() const;
};

// A manifest is not what it should be (invalid, side upstream).
Error bad_manifest(std::string what);

class ManifestReader final : public JsonEvents {
 public:
  // What one member of the document held. `error` is that of its first bad descriptor.
  struct Part {
    bool there = false;
    std::optional<Error> error;
    std::vector<Descriptor> descriptors;
  };

  ManifestReader();

  bool is_object = false;
  std::string media_type, artifact_type;  // cut after 255 bytes
  Part config, layers, manifests, subject;
  // Two programs may read it differently, or it has more descriptors than are kept, or a platform that is too long.
  bool linkable() const;

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool integer(std::int64_t value) override;
  bool number(double) override { return other(); }
  bool string(std::string_view value) override;
  bool begin_object() override;
  bool key(std::string_view name) override;
  bool end_object() override { return end(); }
  bool begin_array() override;
  bool end_array() override { return end(); }

 private:
  enum class Level { outside, top, list, descriptor, platform };
  // A descriptor while it is read.
  struct Draft {
    std::optional<std::string> digest;
    std::optional<std::int64_t> size;
    std::string media_type;
    std::string platform;
    bool elsewhere = false;
  };

  Part* part_of_member();
  bool other();  // a value of no use where it stands
  bool end();
  void begin_part(Part& part);
  void begin_descriptor(Level parent);
  void end_descriptor();
  void add(Result<Descriptor> descriptor);

  Level level_ = Level::outside;
  Level parent_ = Level::top;  // of the descriptor that is read
  unsigned skipped_ = 0;       // the depth within a value that is skipped
  std::optional<unsigned> member_;  // the last known name on this level
  Part* part_ = nullptr;
  Draft draft_;
  PlatformParts platform_;
  Members top_, descriptor_, platform_members_;
  std::size_t kept_ = 0;  // descriptors
  bool too_much_ = false;
};

}  // namespace weir
