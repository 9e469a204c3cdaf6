#include "scan/layer_codec.h"

#include <algorithm>
#include <optional>

#include "scan/bytes.h"

namespace weir {
namespace {

constexpr std::string_view kLayerMagic = "weir-layer-1";
constexpr std::uint64_t kMostProblemText = 8192, kMostDiffId = 64;

class LayerWriter {
 public:
  void number(std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) out_ += static_cast<char>(value >> (8 * i));
  }
  void flag(bool value) { out_ += value ? '\1' : '\0'; }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  template <typename T>
  void list(const std::vector<T>& values, void (LayerWriter::*write)(const T&)) {
    number(values.size());
    for (const auto& value : values) (this->*write)(value);
  }
  void line(const std::string& value) { text(value); }
  void hash(const std::uint64_t& value) { number(value); }
  void package(const Package& package) {
    out_ += static_cast<char>(package.type);
    for (const auto* each :
         {&package.space, &package.name, &package.version, &package.release, &package.architecture, &package.source,
          &package.source_version, &package.module, &package.licence, &package.path, &package.layer})
      text(*each);
    flag(package.epoch.has_value());
    if (package.epoch) number(*package.epoch);
    flag(package.third_party);
  }
  void system_file(const SystemFile& file) {
    text(file.path);
    text(file.content);
  }
  void database(const PackageDatabase& database) {
    text(database.path);
    list(database.packages, &LayerWriter::package);
  }
  void link(const LayerLink& link) {
    text(link.path);
    text(link.target);
    flag(link.hard);
  }
  void raw(std::string_view bytes) { out_ += bytes; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// After the first mistake everything reads as empty.
class LayerReader {
 public:
  LayerReader(std::string_view bytes, const ScanLimits& limits) : bytes_(bytes), limits_(limits) {}

  std::uint64_t number() {
    if (bytes_.size() < 8) return fail("it ends in the middle"), 0;
    std::uint64_t value = 0;
    for (unsigned i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes_[i]);
    bytes_.remove_prefix(8);
    return value;
  }
  std::uint64_t byte(std::uint64_t most) {
    if (bytes_.empty()) return fail("it ends in the middle"), 0;
    const auto value = static_cast<unsigned char>(bytes_[0]);
    bytes_.remove_prefix(1);
    if (value > most) return fail("a value is out of range"), 0;
    return value;
  }
  bool flag() { return byte(1) != 0; }
  std::string text(std::uint64_t most) {
    const auto size = number();
    if (size > bytes_.size()) return fail("it ends in the middle"), "";
    if (size > most) return fail_large("a text"), "";
    std::string value(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return value;
  }
  template <typename T>
  std::vector<T> list(std::uint64_t most, const char* name, T (LayerReader::*read)()) {
    std::vector<T> values;
    const auto count = number();
    if (count > most) return fail_large(name), values;
    // Each value takes at least one byte, so a count that was made up reserves nothing.
    if (count > bytes_.size()) return fail("it ends in the middle"), values;
    for (std::uint64_t i = 0; i < count && !error_; ++i) values.push_back((this->*read)());
    return values;
  }
  std::string problem() { return text(kMostProblemText); }
  std::string path() { return text(limits_.path_bytes); }
  std::uint64_t hash() { return number(); }
  SystemFile system_file() {
    auto own_path = path();
    return {std::move(own_path), text(limits_.metadata_bytes)};
  }
  Package package() {
    Package package;
    package.type = static_cast<PackageType>(byte(static_cast<unsigned>(PackageType::composer)));
    for (auto* each : {&package.space, &package.name, &package.version, &package.release, &package.architecture, &package.source,
                       &package.source_version, &package.module, &package.licence})
      *each = text(limits_.text_bytes);
    package.path = text(8 * limits_.path_bytes);  // of a jar in jars
    package.layer = text(limits_.text_bytes);
    if (flag()) package.epoch = static_cast<std::uint32_t>(number());
    package.third_party = flag();
    return package;
  }
  PackageDatabase database() {
    auto own_path = path();
    return {std::move(own_path), list<Package>(limits_.packages, "packages", &LayerReader::package)};
  }
  LayerLink link() {
    auto own_path = path();
    auto target = path();
    return {std::move(own_path), std::move(target), flag()};
  }
  bool ended() const { return bytes_.empty(); }
  void skip(std::size_t count) { bytes_.remove_prefix(count); }
  const std::optional<Error>& error() const { return error_; }
  void fail(std::string what) {
    if (!error_) error_ = Error{Failure::corrupt, Side::local, false, "layer inventory: " + std::move(what)};
    bytes_ = {};
  }
  void fail_large(const char* name) {
    if (!error_) error_ = Error{Failure::too_large, Side::local, false, std::string("layer inventory: limit reached: ") + name};
    bytes_ = {};
  }

 private:
  std::string_view bytes_;
  const ScanLimits& limits_;
  std::optional<Error> error_;
};

}  // namespace

std::string encode(const LayerInventory& inventory) {
  LayerWriter out;
  out.raw(kLayerMagic);
  out.raw(std::string(1, static_cast<char>(inventory.state)));
  out.list(inventory.problems, &LayerWriter::line);
  out.text(inventory.diff_id);
  out.number(inventory.inflated_bytes);
  out.list(inventory.system_files, &LayerWriter::system_file);
  out.list(inventory.databases, &LayerWriter::database);
  out.list(inventory.packages, &LayerWriter::package);
  out.list(inventory.whiteouts, &LayerWriter::line);
  out.list(inventory.opaque, &LayerWriter::line);
  out.list(inventory.links, &LayerWriter::link);
  out.list(inventory.files, &LayerWriter::hash);
  out.list(inventory.folders, &LayerWriter::hash);
  out.list(inventory.owned, &LayerWriter::hash);
  return out.take();
}

Result<LayerInventory> decode_layer_inventory(std::string_view bytes, const ScanLimits& limits) {
  LayerReader in(bytes, limits);
  if (!bytes.starts_with(kLayerMagic)) return Error{Failure::corrupt, Side::local, false, "layer inventory: it is none"};
  in.skip(kLayerMagic.size());
  LayerInventory inventory;
  inventory.state = static_cast<LayerState>(in.byte(static_cast<unsigned>(LayerState::failed)));
  inventory.problems = in.list<std::string>(1000, "problems", &LayerReader::problem);
  inventory.diff_id = in.text(kMostDiffId);
  inventory.inflated_bytes = in.number();
  inventory.system_files = in.list<SystemFile>(limits.system_files, "system files", &LayerReader::system_file);
  inventory.databases = in.list<PackageDatabase>(limits.packages, "databases", &LayerReader::database);
  inventory.packages = in.list<Package>(limits.packages, "packages", &LayerReader::package);
  inventory.whiteouts = in.list<std::string>(limits.whiteouts, "whiteouts", &LayerReader::path);
  inventory.opaque = in.list<std::string>(limits.whiteouts, "opaque folders", &LayerReader::path);
  inventory.links = in.list<LayerLink>(limits.links, "links", &LayerReader::link);
  inventory.files = in.list<std::uint64_t>(limits.entries, "files", &LayerReader::hash);
  inventory.folders = in.list<std::uint64_t>(limits.entries, "folders", &LayerReader::hash);
  inventory.owned = in.list<std::uint64_t>(limits.owned_files, "files of packages", &LayerReader::hash);
  if (!in.error() && !in.ended()) in.fail("there is more behind its end");
  if (in.error()) return *in.error();
  if (!std::ranges::is_sorted(inventory.files) || !std::ranges::is_sorted(inventory.folders) ||
      !std::ranges::is_sorted(inventory.owned))
    return Error{Failure::corrupt, Side::local, false, "layer inventory: its sets are not sorted"};
  return inventory;
}

}  // namespace weir
