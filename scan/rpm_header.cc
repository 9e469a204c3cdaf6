#include "scan/rpm_header.h"

#include <algorithm>
#include <vector>

#include "scan/bytes.h"

namespace weir {
namespace {

constexpr std::uint32_t kMostRpmEntries = 4096, kMostRpmNames = 500'000;
constexpr std::size_t kMostRpmText = 4096;

enum RpmTag : std::uint32_t {
  kRpmName = 1000,
  kRpmVersion = 1001,
  kRpmRelease = 1002,
  kRpmEpoch = 1003,
  kRpmVendor = 1011,
  kRpmLicence = 1014,
  kRpmArchitecture = 1022,
  kSourcePackage = 1044,
  kFolderIndexes = 1116,
  kBaseNames = 1117,
  kFolderNames = 1118,
  kModularity = 5096
};
enum RpmType : std::uint32_t { kInt32 = 4, kString = 6, kStringArray = 8, kI18nString = 9 };

std::uint32_t word(Bytes bytes, std::size_t offset) { return static_cast<std::uint32_t>(big_endian(bytes, offset, 4)); }

struct RpmEntry {
  std::uint32_t tag, type, offset, count;
};

struct RpmBlob {
  Bytes index, data;
  std::uint32_t entries;

  std::optional<RpmEntry> find(std::uint32_t tag, std::initializer_list<std::uint32_t> types) const {
    for (std::uint32_t i = 0; i < entries; ++i) {
      const auto at = std::size_t{i} * 16;
      const RpmEntry entry{word(index, at), word(index, at + 4), word(index, at + 8), word(index, at + 12)};
      if (entry.tag == tag && std::ranges::find(types, entry.type) != types.end() && entry.offset < data.size()) return entry;
    }
    return std::nullopt;
  }
  // The text that begins at `offset`; nothing: it has no end.
  std::optional<std::string_view> text_at(std::size_t offset) const {
    if (offset >= data.size()) return std::nullopt;
    const std::string_view all(reinterpret_cast<const char*>(data.data()) + offset, data.size() - offset);
    const auto end = all.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    return all.substr(0, end);
  }
  std::string text(std::uint32_t tag) const {
    const auto entry = find(tag, {kString, kI18nString, kStringArray});
    const auto found = entry ? text_at(entry->offset) : std::nullopt;
    return std::string(found.value_or("").substr(0, kMostRpmText));
  }
  std::vector<std::string_view> texts(std::uint32_t tag) const {
    std::vector<std::string_view> found;
    const auto entry = find(tag, {kStringArray});
    if (!entry) return found;
    std::size_t offset = entry->offset;
    for (std::uint32_t i = 0; i < std::min(entry->count, kMostRpmNames); ++i) {
      const auto text = text_at(offset);
      if (!text) break;
      found.push_back(*text);
      offset += text->size() + 1;
    }
    return found;
  }
};

void each_file(const RpmBlob& blob, const std::function<void(std::string_view)>& file) {
  const auto names = blob.texts(kBaseNames), folders = blob.texts(kFolderNames);
  const auto indexes = blob.find(kFolderIndexes, {kInt32});
  if (!indexes) return;
  std::string path;
  for (std::size_t i = 0; i < names.size() && i < indexes->count; ++i) {
    const auto at = indexes->offset + i * 4;
    if (at + 4 > blob.data.size()) return;
    const auto folder = word(blob.data, at);
    if (folder >= folders.size()) continue;
    path.assign(folders[folder]);
    path += names[i];
    file(path);
  }
}

}  // namespace

Result<RpmHeader> read_rpm_header(Bytes blob, const std::function<void(std::string_view)>& file) {
  if (blob.size() < 8) return damaged("rpm header: it is shorter than its counts");
  const auto entries = word(blob, 0), size = word(blob, 4);
  if (entries > kMostRpmEntries) return damaged("rpm header: it has too many entries");
  const auto index_size = std::size_t{entries} * 16;
  if (blob.size() - 8 < index_size || blob.size() - 8 - index_size < size)
    return damaged("rpm header: it is shorter than it says");
  const RpmBlob parts{blob.subspan(8, index_size), blob.subspan(8 + index_size, size), entries};
  RpmHeader header;
  header.name = parts.text(kRpmName);
  header.version = parts.text(kRpmVersion);
  header.release = parts.text(kRpmRelease);
  if (header.name.empty() || header.version.empty()) return damaged("rpm header: it has no name or no version");
  header.architecture = parts.text(kRpmArchitecture);
  header.vendor = parts.text(kRpmVendor);
  header.licence = parts.text(kRpmLicence);
  header.source_package = parts.text(kSourcePackage);
  header.modularity = parts.text(kModularity);
  if (const auto epoch = parts.find(kRpmEpoch, {kInt32}); epoch && epoch->offset + std::size_t{4} <= parts.data.size())
    header.epoch = word(parts.data, epoch->offset);
  if (file) each_file(parts, file);
  return header;
}

}  // namespace weir
