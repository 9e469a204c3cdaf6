#pragma once
// Tar: the entries of a layer in their order, names made safe; the wrapper of libarchive, of which only its tar reader is used
// (ustar, pax, GNU; POSIX.1-2001). Nothing is written to a disk.
//
// Thread: one at a time. Error: corrupt, it is no tar or it ends in the middle; too_large, a limit is reached; and the errors
// of Inflate.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "scan/inflate.h"

namespace weir {

// `./usr//lib/x` is `usr/lib/x`: no leading or doubled slashes and no `.`. Nothing: it names the root, leads out of it by
// `..`, or holds a NUL.
std::optional<std::string> clean_path(std::string_view path);

struct TarEntry {
  enum class Kind { file, folder, symbolic_link, hard_link, other };
  std::string path;    // by clean_path()
  Kind kind = Kind::file;
  std::string target;  // of a link: of a hard link by clean_path(), of a symbolic one as it stands there
  std::uint64_t size = 0;
  bool executable = false;
};

class Tar {
 public:
  Tar(Inflate& source, const ScanLimits& limits);
  ~Tar();
  Tar(const Tar&) = delete;

  // The next entry; nothing at the end. Entries whose names lead out of the root, or are longer than the limit, are left out
  // and counted.
  Result<std::optional<TarEntry>> next();
  // The content of the current entry, piece by piece, until `take` says false. Holes of sparse files come as zeros, so the
  // sum of the pieces is the size.
  Status content(const std::function<bool(std::span<const std::byte>)>& take);
  // The content of the current entry. Error: too_large when it is more than `most`; then none of it is read.
  Result<std::string> text(std::uint64_t most);

  std::uint64_t skipped() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
