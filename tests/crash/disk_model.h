// A disk as POSIX promises it and no better: what may be left of it when the power goes between two steps.
//
//   - A file's bytes and size are safe once the file was synced; a write that syncs itself makes its own bytes safe.
//   - A name, made, moved or removed, is safe once its directory was synced. A file's sync does nothing for its name.
//   - What is not safe may be there or not, each piece for itself and in no order: each part of a write that lies in one
//     block, each change of a size, each change of a name. A rename is two of those.
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/crash/recording.h"

namespace weir::testing {

// A folder's contents as values.
struct DiskEntry {
  enum class Kind { file, directory, socket };
  Kind kind = Kind::file;
  std::uint64_t identity = 0;  // two names of one file have the same; no other file ever has
  std::shared_ptr<const std::string> bytes = {};  // of a file; the same pointer means the same bytes
  friend bool operator==(const DiskEntry&, const DiskEntry&) = default;
};
// By path, "/a/b". A directory comes before what is in it; the folder itself is not mentioned.
using DiskContents = std::map<std::string, DiskEntry>;

// What of the unsynced is still there.
enum class Survives { nothing, everything, some };

class DiskModel {
 public:
  static constexpr std::uint64_t kBlock = 4096;

  DiskModel();

  // Notes change nothing. Throws std::logic_error on a step that cannot follow those before.
  void play(const Step& step);

  // What the disk holds if this is the moment. `seed` chooses among what survives when it is some.
  DiskContents contents(Survives survives, std::uint64_t seed = 0) const;

 private:
  using Bytes = std::shared_ptr<const std::string>;
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr>;
  struct Change;      // of a file
  struct NameChange;  // of a directory
  class Choice;

  Node& numbered(std::uint64_t inode) const;
  std::pair<Node*, std::string> parent_of(const std::string& path) const;
  NodePtr named(const std::string& path) const;
  void set_name(const std::string& path, NodePtr node);
  void add(const Step& step, DiskEntry::Kind kind);
  void write(const Step& step);
  void list(const Node& directory, const std::string& path, Choice& choice, DiskContents& into) const;

  NodePtr root_;
  std::map<std::uint64_t, NodePtr> numbers_;  // inode numbers are given anew when a file is gone
  std::uint64_t next_identity_ = 1;
};

}  // namespace weir::testing
