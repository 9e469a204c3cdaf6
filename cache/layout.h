#pragma once
// The disk tree, drawn once; nothing else in the program joins a path.
//
//   DIRECTORY/                       0700
//     lock                           held by the one program that may write
//     admin.sock                     the admin API for commands on this machine
//     index/data.mdb, lock.mdb       what we know of the bytes (LMDB); can be made again from blobs/
//     blobs/sha256/3f/3f5a…64 hex    whole, verified bytes, 0600
//     blobs/sha512/3f/3f5a…128 hex
//     partial/sha256-3f5a…           a fill that is under way or was broken off; never served as whole
//     partial/sha256-3f5a….7         small bytes on their way to blobs/; removed at start
//
// 256 folders for each algorithm: ten million blobs are 40,000 names a folder.

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace weir {

class Layout {
 public:
  explicit Layout(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const noexcept { return directory_; }
  std::string lock() const { return directory_ + "/lock"; }
  std::string admin_socket() const { return directory_ + "/admin.sock"; }
  std::string index() const { return directory_ + "/index"; }
  std::string partials() const { return directory_ + "/partial"; }
  std::string partial(const Digest& digest) const;
  std::string staging(const Digest& digest, unsigned long number) const { return partial(digest) + '.' + std::to_string(number); }
  std::string blob_folder(const Digest& digest) const;
  std::string blob(const Digest& digest) const;

  // The digest a partial file's name means; nothing for a name that is not ours.
  static std::optional<Digest> partial_digest(std::string_view file_name);

 private:
  std::string directory_;
};

}  // namespace weir
