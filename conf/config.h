#pragma once
// One file in, Options out; or every mistake at once, each with the place it was made.
//
// Four layers, each over the one before: the defaults, the file, the environment, the command line.
//   --set section.key=value      the key is what follows the last dot: --set upstream.docker.io.url=...
//   WEIR_SECTION_KEY=value       for the sections there is one of: WEIR_CACHE_TAG_TTL=1h
// A layer that names a list replaces the list of the layer below; within a layer its lines add up. A key that takes
// one value is given once in the file; of several --set the last one counts.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "conf/options.h"

namespace weir {

struct ConfigSource {
  std::optional<std::string> file;
  std::vector<std::string> sets;         // `section.key=value`
  std::vector<std::string> environment;  // `NAME=value`; what does not concern the configuration is passed over
};

struct ConfigError {
  std::string where;  // `weir.conf:12`, `WEIR_CACHE_TAG_TTL`, `--set cache.tag-ttl`
  std::string what;   // one sentence, without a trailing full stop
};

// A key, its value in the words a file would use (empty: not set), and where it came from (`default`, or as in
// ConfigError, several lines joined by `, `).
struct Setting {
  std::string section;
  std::string key;
  std::string value;
  std::string from;
};

struct LoadedConfig {
  Options options;             // every upstream has a url and at least one namespace
  std::vector<Setting> shown;  // every key there is: the fixed sections, then the upstreams
};

// Reads the file and the files it names; asks nothing of the network. The errors are in the order of the
// layers, and of the lines within the file; there is at least one. Thread: any.
[[nodiscard]] std::variant<LoadedConfig, std::vector<ConfigError>> load_config(const ConfigSource&);

}  // namespace weir
