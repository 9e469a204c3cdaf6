#include "scan/go_build_info.h"

#include <cctype>
#include <cstring>

#include "base/text.h"
#include "scan/bytes.h"

namespace weir {
namespace {

constexpr std::string_view kGoMagic = "\xff Go buildinf:";
constexpr std::size_t kGoAlignment = 16, kGoHead = 32, kGoSearched = 64 << 10, kModuleFrame = 16;
constexpr std::uint64_t kMostModuleText = 4 << 20;  // of module text
constexpr std::size_t kMostGoModules = 20'000;
constexpr unsigned kGoBigEndian = 1, kGoInline = 2;

std::optional<Bytes> find_head(Bytes data) {
  const auto searched = text_of(data.first(std::min(data.size(), kGoSearched)));
  for (auto at = searched.find(kGoMagic); at != std::string_view::npos; at = searched.find(kGoMagic, at + 1)) {
    if (at % kGoAlignment == 0 && data.size() - at >= kGoHead) return data.subspan(at);
  }
  return std::nullopt;
}

// A length as a varint (LEB128), then so many bytes. `data` goes on behind them.
std::optional<std::string_view> take_text(Bytes& data) {
  std::uint64_t length = 0;
  std::size_t used = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (used >= data.size() || shift > 56) return std::nullopt;
    const auto byte = static_cast<std::uint64_t>(data[used++]);
    length |= (byte & 0x7f) << shift;
    if (!(byte & 0x80)) break;
  }
  if (length > data.size() - used || length > kMostModuleText) return std::nullopt;
  const auto text = text_of(data.subspan(used, length));
  data = data.subspan(used + length);
  return text;
}

std::uint64_t pointer_in(Bytes bytes, std::size_t offset, std::size_t size, bool big) {
  return big ? big_endian(bytes, offset, size) : little_endian(bytes, offset, size);
}

// A string header in memory: where the bytes are, and how many.
std::optional<std::string_view> text_behind(const Elf& elf, std::uint64_t header, std::size_t size, bool big) {
  const auto words = elf.at_address(header, 2 * size);
  if (!words) return std::nullopt;
  const auto length = pointer_in(*words, size, size, big);
  if (length > kMostModuleText) return std::nullopt;
  const auto bytes = elf.at_address(pointer_in(*words, 0, size, big), length);
  if (!bytes) return std::nullopt;
  return text_of(*bytes);
}

void read_modules(std::string_view text, GoBuildInfo& info) {
  GoModule* last = nullptr;
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, '\t');
    if (words.size() < 2) continue;
    const std::string version(words.size() > 2 ? words[2] : "");
    if (words[0] == "mod") {
      info.main = GoModule{std::string(words[1]), version};
      last = &*info.main;
    } else if (words[0] == "dep" && info.dependencies.size() < kMostGoModules) {
      info.dependencies.push_back({std::string(words[1]), version});
      last = &info.dependencies.back();
    } else if (words[0] == "=>" && last) {
      *last = {std::string(words[1]), version};
    }
  }
}

}  // namespace

std::optional<GoBuildInfo> read_go_build_info(const Elf& elf) {
  auto data = elf.section(".go.buildinfo");
  auto head = data ? find_head(*data) : std::nullopt;
  if (!head) {
    data = elf.writable_segment();
    head = data ? find_head(*data) : std::nullopt;
  }
  if (!head) return std::nullopt;
  const auto pointer_size = static_cast<std::size_t>((*head)[14]);
  const auto flags = static_cast<unsigned>((*head)[15]);
  std::optional<std::string_view> version, modules;
  if (flags & kGoInline) {
    auto rest = head->subspan(kGoHead);
    version = take_text(rest);
    if (version) modules = take_text(rest);
  } else {
    if (pointer_size != 4 && pointer_size != 8) return std::nullopt;
    const bool big = flags & kGoBigEndian;
    version = text_behind(elf, pointer_in(*head, 16, pointer_size, big), pointer_size, big);
    modules = text_behind(elf, pointer_in(*head, 16 + pointer_size, pointer_size, big), pointer_size, big);
  }
  if (!version || version->empty()) return std::nullopt;
  GoBuildInfo info;
  info.go_version = std::string(version->substr(0, 100));
  if (modules && modules->size() >= 2 * kModuleFrame + 1 && (*modules)[modules->size() - kModuleFrame - 1] == '\n')
    modules = modules->substr(kModuleFrame, modules->size() - 2 * kModuleFrame);
  read_modules(modules.value_or(""), info);
  return info;
}

std::string go_release_version(std::string_view go_version) {
  if (!go_version.starts_with("go")) return "";
  auto text = go_version.substr(2);
  text = text.substr(0, std::min(text.find(' '), text.find("-X:")));
  std::string numbers;
  std::size_t at = 0, parts = 1;
  for (; at < text.size() && (std::isdigit(static_cast<unsigned char>(text[at])) || text[at] == '.'); ++at) {
    parts += text[at] == '.' ? 1 : 0;
    numbers += text[at];
  }
  if (numbers.empty()) return "";
  for (; parts < 3; ++parts) numbers += ".0";
  const auto rest = text.substr(at);
  if (rest.empty()) return numbers;
  const auto digits = rest.find_first_of("0123456789");
  if (!rest.starts_with("rc") && !rest.starts_with("beta")) return numbers;
  if (digits == std::string_view::npos) return numbers + '-' + std::string(rest);
  return numbers + '-' + std::string(rest.substr(0, digits)) + '.' + std::string(rest.substr(digits));
}

}  // namespace weir
