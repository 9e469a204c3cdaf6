#pragma once
// One section while it is being filled, layer upon layer. Program_options knows its keys, their types and defaults.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/settings.h"

namespace weir {

// Lower layers first; a higher one replaces what a lower one gave.
enum class Layer { built_in, file, environment, command_line };

// Where something was said.
struct Place {
  Layer layer = Layer::built_in;
  unsigned order = 0;  // the line of the file, else the how-many-th of its layer
  std::string name;    // as ConfigError::where
};

class ConfigSection {
 public:
  // The fields behind `keys` must outlive the section.
  ConfigSection(std::string name, Place place, std::vector<ConfigKey> keys, std::vector<KeyFamily> families = {});
  ~ConfigSection();
  ConfigSection(const ConfigSection&) = delete;

  const std::string& name() const noexcept { return name_; }
  const Place& place() const noexcept { return place_; }  // where it was first named
  void begin_at(Place place) { place_ = std::move(place); }

  bool knows(const std::string& key) const;  // is it in the table?
  // Takes a key of one of the families into the table. False: it belongs to none.
  bool admit(const std::string& key);
  bool has(const std::string& key) const;    // was it given, rightly or not?
  // Where the key was last given, else where the section began.
  const Place& place_of(const std::string& key) const;
  // Where the word of that index was given, of a list that was read without a mistake.
  const Place& place_of(const std::string& key, std::size_t word) const;
  // Was every line read that counts?
  bool is_sound(const std::string& key) const;

  // Gives a key a value. The layers come in their order. Answers what is wrong with it, if anything.
  std::optional<std::string> assign(const std::string& key, const std::string& text, const Place& place);
  std::string unknown(const std::string& key) const;  // what is wrong with a key that is not in the table

  std::vector<Setting> shown() const;

 private:
  struct Given;
  struct Description;
  std::string full(const std::string& key) const { return '[' + name_ + "] " + key; }

  const std::string name_;
  Place place_;
  std::vector<ConfigKey> keys_;
  const std::vector<KeyFamily> families_;
  const std::unique_ptr<Description> description_;
};

}  // namespace weir
