#pragma once
// Zip: the members of a jar or of another zip file, from its central directory (PKWARE's APPNOTE 6.3, stored and deflated members,
// zip64). Bytes in front of the archive, as executable jars have them, are allowed.
// Thread: any. A view: the bytes outlive it.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct ZipMember {
  std::string name;
  std::uint64_t size = 0;  // uncompressed, as the directory says it
  std::uint64_t packed = 0, offset = 0;
  unsigned method = 0;
  bool encrypted = false;
};

class Zip {
 public:
  // Error: corrupt; too_large, it has more than `most_members`.
  static Result<Zip> parse(std::span<const std::byte> file, std::uint64_t most_members);
  const std::vector<ZipMember>& members() const noexcept { return members_; }
  // The content of one member, at most `most` bytes. Error: corrupt; too_large; unsupported, it is encrypted or packed in
  // another way.
  Result<std::string> read(const ZipMember& member, std::uint64_t most) const;

 private:
  std::span<const std::byte> file_;
  std::uint64_t before_ = 0;  // bytes in front of the archive
  std::vector<ZipMember> members_;
};

}  // namespace weir
