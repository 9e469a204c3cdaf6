#include "scan/zip.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "scan/bytes.h"
#include "scan/deflate.h"

namespace weir {
namespace {

constexpr std::size_t kZipEnd = 22, kMostZipComment = 65535, kZipEntry = 46, kZipLocal = 30, kZipLocator = 20, kZipEnd64 = 56;
constexpr unsigned kZipStored = 0, kZipDeflated = 8, kZipEncrypted = 1;
constexpr std::uint32_t kZipWide = 0xffffffff;
constexpr std::uint16_t kZip64 = 1;

struct ZipDirectory {
  std::uint64_t count, size, offset;
  std::size_t end;  // where it ends in the file
};

std::optional<ZipDirectory> find_directory(Bytes file) {
  if (file.size() < kZipEnd) return std::nullopt;
  const auto last = file.size() - kZipEnd;
  const auto first = last > kMostZipComment ? last - kMostZipComment : 0;
  for (auto at = last + 1; at-- > first;) {
    if (!has_magic(file, at, "PK\5\6") || little_endian(file, at + 20, 2) > file.size() - at - kZipEnd) continue;
    ZipDirectory found{little_endian(file, at + 10, 2), little_endian(file, at + 12, 4), little_endian(file, at + 16, 4), at};
    if (found.count != 0xffff && found.size != kZipWide && found.offset != kZipWide) return found;
    if (at < kZipLocator || !has_magic(file, at - kZipLocator, "PK\6\7")) return found;
    const auto wide = little_endian(file, at - kZipLocator + 8, 8);
    if (wide > file.size() || file.size() - wide < kZipEnd64 || !has_magic(file, wide, "PK\6\6")) return std::nullopt;
    return ZipDirectory{little_endian(file, wide + 32, 8), little_endian(file, wide + 40, 8), little_endian(file, wide + 48, 8),
                        static_cast<std::size_t>(wide)};
  }
  return std::nullopt;
}

// Numbers that do not fit their fields stand in an extra field.
void read_zip64(Bytes extra, ZipMember& member) {
  while (extra.size() >= 4) {
    const auto kind = little_endian(extra, 0, 2), size = little_endian(extra, 2, 2);
    if (size > extra.size() - 4) return;
    if (kind == kZip64) {
      auto field = extra.subspan(4, size);
      for (auto* value : {&member.size, &member.packed, &member.offset}) {
        if (*value != kZipWide || field.size() < 8) continue;
        *value = little_endian(field, 0, 8);
        field = field.subspan(8);
      }
      return;
    }
    extra = extra.subspan(4 + size);
  }
}

}  // namespace

Result<Zip> Zip::parse(Bytes file, std::uint64_t most_members) {
  const auto directory = find_directory(file);
  if (!directory) return damaged("zip: no central directory");
  if (directory->count > most_members) return limit_reached("members of an archive");
  if (directory->size > directory->end || directory->offset > directory->end - directory->size)
    return damaged("zip: its directory lies outside of it");
  Zip zip;
  zip.file_ = file;
  zip.before_ = directory->end - directory->size - directory->offset;
  auto rest = file.subspan(directory->end - directory->size, directory->size);
  while (rest.size() >= kZipEntry && has_magic(rest, 0, "PK\1\2")) {
    const auto name = little_endian(rest, 28, 2), extra = little_endian(rest, 30, 2), comment = little_endian(rest, 32, 2);
    if (name + extra + comment > rest.size() - kZipEntry) return damaged("zip: an entry of its directory is cut off");
    if (zip.members_.size() >= most_members) return limit_reached("members of an archive");
    ZipMember member;
    member.name.assign(reinterpret_cast<const char*>(rest.data()) + kZipEntry, name);
    member.encrypted = (little_endian(rest, 8, 2) & kZipEncrypted) != 0;
    member.method = static_cast<unsigned>(little_endian(rest, 10, 2));
    member.packed = little_endian(rest, 20, 4);
    member.size = little_endian(rest, 24, 4);
    member.offset = little_endian(rest, 42, 4);
    read_zip64(rest.subspan(kZipEntry + name, extra), member);
    zip.members_.push_back(std::move(member));
    rest = rest.subspan(kZipEntry + name + extra + comment);
  }
  return zip;
}

Result<std::string> Zip::read(const ZipMember& member, std::uint64_t most) const {
  if (member.encrypted) return Error{Failure::unsupported, Side::upstream, false, "zip: a member is encrypted"};
  if (member.size > most) return limit_reached("size of a member of an archive");
  if (member.offset > file_.size() - before_) return damaged("zip: a member lies outside of the file");
  const auto local = file_.subspan(before_ + member.offset);
  if (local.size() < kZipLocal || !has_magic(local, 0, "PK\3\4")) return damaged("zip: a member has no head");
  const auto head = kZipLocal + little_endian(local, 26, 2) + little_endian(local, 28, 2);
  if (head > local.size() || member.packed > local.size() - head) return damaged("zip: a member is cut off");
  const auto packed = local.subspan(head, member.packed);
  if (member.method == kZipStored)
    return std::string(reinterpret_cast<const char*>(packed.data()), std::min<std::uint64_t>(packed.size(), most));
  if (member.method != kZipDeflated)
    return Error{Failure::unsupported, Side::upstream, false, "zip: a member is packed in an unknown way"};
  return inflate_raw(packed, most);
}

}  // namespace weir
