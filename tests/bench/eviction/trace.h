#pragma once
// Trace: what a cache is asked for over some weeks, blob by blob, made up of pulls of images.
//
// An image is a manifest, a config and layers. It stands on a base whose layers many images share; its last layers are
// its own. A node keeps the images it pulled last and asks only for layers that none of those has; of an image it has,
// it asks for the manifest. An empty client (a runner, a new machine) asks for everything.
//
// The same kind and seed give the same trace.

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

using Blob = std::uint32_t;   // a digest's stand-in: an index of Trace::sizes
using Image = std::uint32_t;  // an index of Trace::images

struct Request {
  std::uint32_t second;  // since the trace began
  Blob blob;
  Image image;         // the one whose pull this is part of
  std::uint32_t pull;  // which pull; requests of one follow each other
};

struct Trace {
  std::string name;
  std::vector<std::uint64_t> sizes;       // of each blob, bytes
  std::vector<std::vector<Blob>> images;  // the blobs of each, its manifest first
  std::vector<Request> requests;          // in order of time
  std::uint64_t footprint = 0;            // bytes of all blobs that are asked for at least once
};

enum class TraceKind {
  zipf,      // some images are popular, most are not, and that never changes
  wonders,   // the same with more images, and one pull in seven wants one that is pulled this once
  storms,    // new versions of services, each pulled by many nodes within minutes and never after its successor
  scans,     // zipf by day; each night something reads every image there is
  pipelines,  // builds: popular build images, and what they make is pulled a few times within hours
  mixed,     // all of these
};
inline constexpr TraceKind kTraceKinds[] = {TraceKind::zipf,  TraceKind::wonders,   TraceKind::storms,
                                            TraceKind::scans, TraceKind::pipelines, TraceKind::mixed};

Trace make_trace(TraceKind kind, std::uint64_t seed);

}  // namespace bench
