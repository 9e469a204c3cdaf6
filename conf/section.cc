#include "conf/section.h"

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <map>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

namespace po = boost::program_options;

// A key as Program_options keeps it: the table's kind of value is its type, the field's first content its default.
class KeySemantic final : public po::value_semantic {
 public:
  explicit KeySemantic(ConfigValue value) : value_(std::move(value)), default_(value_.show()) {}

  std::string name() const override { return value_.type; }
  unsigned min_tokens() const override { return 1; }
  unsigned max_tokens() const override { return 1; }
  bool is_composing() const override { return value_.repeatable; }
  bool is_required() const override { return false; }
  void notify(const boost::any&) const override {}

  // `given` is full when an earlier line of the same layer was read.
  void parse(boost::any& given, const std::vector<std::string>& texts, bool) const override {
    const auto read = value_.read(texts.front(), !given.empty());
    if (!read) throw po::error(read.error().what);
    given = texts.front();
  }

  bool apply_default(boost::any& given) const override {
    given = default_;
    return true;
  }

 private:
  const ConfigValue value_;
  const std::string default_;
};

}  // namespace

// What one layer has said about a key; a higher layer starts anew.
struct ConfigSection::Given {
  boost::any value;
  std::vector<Place> places;
  std::vector<std::size_t> words;  // of each line that was read
};

struct ConfigSection::Description {
  po::options_description keys;
  std::map<std::string, Given> given;
};

ConfigSection::ConfigSection(std::string name, Place place, std::vector<ConfigKey> keys, std::vector<KeyFamily> families)
    : name_(std::move(name)), place_(std::move(place)), keys_(std::move(keys)), families_(std::move(families)),
      description_(std::make_unique<Description>()) {
  for (const auto& key : keys_) {
    description_->keys.add_options()(key.name.c_str(), new KeySemantic(key.value), key.help.c_str());
  }
}

ConfigSection::~ConfigSection() = default;

// Program_options throws at an empty name: it is the beginning of every key.
bool ConfigSection::knows(const std::string& key) const {
  return !key.empty() && description_->keys.find_nothrow(key, false) != nullptr;
}
bool ConfigSection::admit(const std::string& key) {
  for (const auto& family : families_) {
    if (!key.starts_with(family.prefix)) continue;
    auto made = family.make(key);
    if (!made) return false;
    description_->keys.add_options()(key.c_str(), new KeySemantic(made->value), made->help.c_str());
    keys_.push_back(*std::move(made));
    return true;
  }
  return false;
}

bool ConfigSection::has(const std::string& key) const { return description_->given.contains(key); }

const Place& ConfigSection::place_of(const std::string& key) const {
  const auto found = description_->given.find(key);
  return found == description_->given.end() ? place_ : found->second.places.back();
}

const Place& ConfigSection::place_of(const std::string& key, std::size_t word) const {
  const Given& given = description_->given.at(key);
  std::size_t line = 0;
  while (line + 1 < given.places.size() && word >= given.words[line]) word -= given.words[line++];
  return given.places[line];
}

bool ConfigSection::is_sound(const std::string& key) const {
  const auto found = description_->given.find(key);
  return found == description_->given.end() || found->second.words.size() == found->second.places.size();
}

std::optional<std::string> ConfigSection::assign(const std::string& key, const std::string& text, const Place& place) {
  if (!knows(key) && !admit(key)) return unknown(key);
  const auto semantic = description_->keys.find(key, false).semantic();
  Given& given = description_->given[key];
  const bool same_layer = !given.places.empty() && given.places.back().layer == place.layer;
  if (same_layer && !semantic->is_composing() && place.layer == Layer::file) {
    return full(key) + " takes one value but is given at lines " + std::to_string(given.places.back().order) + " and " +
           std::to_string(place.order);
  }
  if (!same_layer || !semantic->is_composing()) given = Given{};
  given.places.push_back(place);
  if (text.empty()) return full(key) + " has no value; leave the key out to have its default";
  try {
    semantic->parse(given.value, {text}, true);
    given.words.push_back(words(text).size());
  } catch (const po::error& error) {
    const char* hint = text.find(" #") == std::string::npos ? "" : " (a # comment needs a line of its own)";
    return full(key) + ": " + error.what() + hint;
  }
  return std::nullopt;
}

std::string ConfigSection::unknown(const std::string& key) const {
  if (planned_key(name_, key)) return full(key) + " is not offered by this version";
  std::vector<std::string> names;
  for (const auto& known : keys_) names.push_back(known.name);
  for (const auto& family : families_) {
    if (key.starts_with(family.prefix))
      return full(key) + ": " + quoted(key.substr(family.prefix.size())) +
             " cannot be a name: letters, digits, - _ and ., but none and other";
    names.push_back(family.prefix + "NAME");
  }
  return "unknown key " + quoted(key) + " in [" + name_ + "]" + suggestion(key, names);
}

std::vector<Setting> ConfigSection::shown() const {
  std::vector<Setting> settings;
  for (const auto& key : keys_) {
    std::vector<std::string> from;
    if (const auto found = description_->given.find(key.name); found != description_->given.end()) {
      for (const auto& place : found->second.places) from.push_back(place.name);
    }
    settings.push_back({name_, key.name, key.value.show(), from.empty() ? "default" : joined(from)});
  }
  return settings;
}

}  // namespace weir
