// One record of a recording's log, as the recorder writes it and recording.h reads it: a RecordHead, then the path, the
// other path and the bytes, nothing between them. Numbers are the machine's own: who writes and who reads are one build.
#pragma once

#include <cstdint>

namespace weir::testing {

enum class StepKind : std::uint32_t {
  start,      // a program begins; `inode` is the watched folder's
  create,     // a new, empty file
  socket,     // a unix socket's name
  directory,  // a new directory
  write,      // bytes at `number`
  resize,     // to `number` bytes
  sync,       // a file's bytes and size, or a directory's names, have reached the disk
  rename,     // `path` to `other`, which it replaces
  link,       // a second name, `other`, for `path`
  unlink,
  remove_directory,
  note,  // `path` is a text of whoever watches, no path
};

struct RecordHead {
  static constexpr std::uint32_t kMagic = 0x70657453;

  std::uint32_t magic = kMagic;
  StepKind kind = StepKind::note;
  std::uint64_t inode = 0;   // of what is created, written, resized or synced
  std::uint64_t number = 0;
  std::uint64_t synced = 0;  // write: 1 when these bytes had reached the disk when it returned (O_DSYNC)
  std::uint64_t path_size = 0, other_size = 0, byte_count = 0;
};

}  // namespace weir::testing
