#pragma once
// Elf: where the sections and segments of an executable lie, as far as they matter for build information (System V ABI, chapters
// 4 and 5). Nothing is loaded or run. Thread: any. A view: the bytes outlive it.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

bool is_elf(std::span<const std::byte> head);

class Elf {
 public:
  // Error: corrupt, it is no ELF file or its tables lie outside of it.
  static Result<Elf> parse(std::span<const std::byte> file);

  // The bytes of the section of that name; nothing: there is none, it holds no bytes, or it lies outside of the file.
  std::optional<std::span<const std::byte>> section(std::string_view name) const;
  // The bytes in the file of the first segment that is loaded and may be written.
  std::optional<std::span<const std::byte>> writable_segment() const;
  // `size` bytes of the file that are loaded at `address`.
  std::optional<std::span<const std::byte>> at_address(std::uint64_t address, std::uint64_t size) const;
  bool big_endian() const noexcept { return big_; }

 private:
  struct Section {
    std::string name;
    std::uint64_t offset = 0, size = 0;
    std::uint32_t type = 0;
  };
  struct Segment {
    std::uint32_t type = 0, flags = 0;
    std::uint64_t offset = 0, address = 0, file_size = 0;
  };
  std::span<const std::byte> file_;
  bool wide_ = true, big_ = false;
  std::vector<Section> sections_;
  std::vector<Segment> segments_;
};

}  // namespace weir
