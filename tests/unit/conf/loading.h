// A configuration file for one test, and what became of it.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "conf/config.h"

namespace weir::testing {

// A file with this text, removed when the test is over.
class ScratchFile {
 public:
  explicit ScratchFile(std::string_view text) {
    const char* parent = std::getenv("TMPDIR");
    path_ = std::string(parent && *parent ? parent : "/tmp") + "/weir-conf-XXXXXX";
    ::close(::mkstemp(path_.data()));
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~ScratchFile() { std::remove(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Outcome = std::variant<LoadedConfig, std::vector<ConfigError>>;

struct Layers {
  std::vector<std::string> sets;
  std::vector<std::string> environment;
};

// Errors as `WHERE: WHAT`, one a line; the file is called `file`. Empty when there are none.
inline std::string errors_of(std::string_view text, const Layers& layers = {}) {
  const ScratchFile file(text);
  const Outcome outcome = load_config({file.path(), layers.sets, layers.environment});
  if (std::holds_alternative<LoadedConfig>(outcome)) return {};
  std::string all;
  for (const auto& error : std::get<std::vector<ConfigError>>(outcome)) all += error.where + ": " + error.what + '\n';
  for (std::size_t at; (at = all.find(file.path())) != std::string::npos;) all.replace(at, file.path().size(), "file");
  return all;
}

// What was loaded, the file called `file` again; a configuration with errors throws them.
inline LoadedConfig loaded(std::string_view text, const Layers& layers = {}) {
  const ScratchFile file(text);
  Outcome outcome = load_config({file.path(), layers.sets, layers.environment});
  if (auto* errors = std::get_if<std::vector<ConfigError>>(&outcome))
    throw std::runtime_error(errors->front().where + ": " + errors->front().what);
  auto config = std::get<LoadedConfig>(std::move(outcome));
  for (auto& setting : config.shown) {
    for (std::size_t at; (at = setting.from.find(file.path())) != std::string::npos;)
      setting.from.replace(at, file.path().size(), "file");
  }
  return config;
}

// `VALUE from PLACE` of one key.
inline std::string shown(const LoadedConfig& config, std::string_view section, std::string_view key) {
  for (const auto& setting : config.shown) {
    if (setting.section == section && setting.key == key) return setting.value + " from " + setting.from;
  }
  return "not there";
}

}  // namespace weir::testing
