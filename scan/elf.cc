#include "scan/elf.h"

#include <cstring>

#include "scan/bytes.h"

namespace weir {
namespace {

constexpr std::uint32_t kLoad = 1, kWritable = 2, kNoBits = 8;
constexpr std::size_t kMostSections = 4096, kMostSegments = 512, kMostSectionName = 64;

std::optional<Bytes> part(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

// Reads numbers one after the other; what lies outside reads as zero.
struct ElfCursor {
  Bytes bytes;
  bool big, wide;
  std::size_t at = 0;

  std::uint64_t number(std::size_t width) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const auto index = at + (big ? i : width - 1 - i);
      number = number << 8 | (index < bytes.size() ? static_cast<std::uint64_t>(bytes[index]) : 0);
    }
    at += width;
    return number;
  }
  std::uint64_t address() { return number(wide ? 8 : 4); }
};

}  // namespace

bool is_elf(Bytes head) {
  return head.size() >= 4 && std::memcmp(head.data(),
                                         "\x7f"
                                         "ELF",
                                         4) == 0;
}

Result<Elf> Elf::parse(Bytes file) {
  if (!is_elf(file) || file.size() < 52) return damaged("ELF file: no ELF head");
  Elf elf;
  elf.file_ = file;
  elf.wide_ = static_cast<unsigned>(file[4]) == 2;
  elf.big_ = static_cast<unsigned>(file[5]) == 2;
  ElfCursor head{file, elf.big_, elf.wide_, 24};
  head.address();  // the entry point
  const auto segments_at = head.address(), sections_at = head.address();
  head.number(4);  // flags
  head.number(2);  // size of this head
  const auto segment_size = head.number(2), segment_count = head.number(2), section_size = head.number(2),
             section_count = head.number(2), names_index = head.number(2);
  if (segment_count > kMostSegments || section_count > kMostSections) return damaged("ELF file: too many sections or segments");
  const auto segments = part(file, segments_at, segment_size * segment_count);
  if (segments) {
    for (std::size_t i = 0; i < segment_count; ++i) {
      ElfCursor row{segments->subspan(i * segment_size, segment_size), elf.big_, elf.wide_};
      Segment segment;
      segment.type = static_cast<std::uint32_t>(row.number(4));
      if (elf.wide_) segment.flags = static_cast<std::uint32_t>(row.number(4));
      segment.offset = row.address();
      segment.address = row.address();
      row.address();  // the physical address
      segment.file_size = row.address();
      row.address();  // the size in memory
      if (!elf.wide_) segment.flags = static_cast<std::uint32_t>(row.number(4));
      elf.segments_.push_back(segment);
    }
  }
  const auto sections = part(file, sections_at, section_size * section_count);
  if (!sections) return elf;
  std::vector<std::uint32_t> names;
  for (std::size_t i = 0; i < section_count; ++i) {
    ElfCursor row{sections->subspan(i * section_size, section_size), elf.big_, elf.wide_};
    Section section;
    names.push_back(static_cast<std::uint32_t>(row.number(4)));
    section.type = static_cast<std::uint32_t>(row.number(4));
    row.address();  // flags
    row.address();  // the address
    section.offset = row.address();
    section.size = row.address();
    elf.sections_.push_back(std::move(section));
  }
  if (names_index >= elf.sections_.size()) return elf;
  const auto table = part(file, elf.sections_[names_index].offset, elf.sections_[names_index].size);
  for (std::size_t i = 0; table && i < elf.sections_.size(); ++i) {
    if (names[i] >= table->size()) continue;
    const auto* begin = reinterpret_cast<const char*>(table->data()) + names[i];
    elf.sections_[i].name.assign(begin, ::strnlen(begin, std::min(kMostSectionName, table->size() - names[i])));
  }
  return elf;
}

std::optional<Bytes> Elf::section(std::string_view name) const {
  for (const auto& section : sections_) {
    if (section.name == name && section.type != kNoBits && section.size > 0) return part(file_, section.offset, section.size);
  }
  return std::nullopt;
}

std::optional<Bytes> Elf::writable_segment() const {
  for (const auto& segment : segments_) {
    if (segment.type == kLoad && (segment.flags & kWritable)) return part(file_, segment.offset, segment.file_size);
  }
  return std::nullopt;
}

std::optional<Bytes> Elf::at_address(std::uint64_t address, std::uint64_t size) const {
  for (const auto& segment : segments_) {
    if (segment.type != kLoad || address < segment.address || address - segment.address >= segment.file_size) continue;
    const auto within = address - segment.address;
    if (size > segment.file_size - within) return std::nullopt;
    return part(file_, segment.offset + within, size);
  }
  return std::nullopt;
}

}  // namespace weir
