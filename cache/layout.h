#pragma once
// The disk tree, drawn once; nothing else in the program joins a path.
//
//   DIRECTORY/                       0700
//     lock                           held by the one program that may write
//     admin.sock                     the admin API for commands on this machine
//     index/data.mdb, lock.mdb       what we know of the bytes (LMDB); can be made again from blobs/
//     index.new/                     the same while it is made again
//     blobs/sha256/3f/3f5a…64 hex    whole, verified bytes, 0600
//     blobs/sha512/3f/3f5a…128 hex
//     partial/sha256-3f5a…-9c01…     a fill that is under way or was broken off, of one repository (16 hex of the hash of its
//                                    name): what one repository's upstream sent is no other's to go on with; never served as whole
//     partial/sha256-3f5a….7         small bytes on their way to blobs/; removed at start
//     quarantine/sha256-3f5a…        a blob that was found rotten, for a person to look at; never served
//     meter/ledger/data.mdb          usage by hour, day and month (meter/ledger.h)
//     meter/cells/17                 what was counted and may not be in it yet (meter/cells.h)
//     token-keys.pem                 the private keys that sign tokens for clients, 0600
//     policy/3f5a….hsdb              compiled patterns of rules, by what they were made of; can be made again
//     ballast                        room for the index to forget something on a full disk
//
// 256 folders for each algorithm: ten million blobs are 40,000 names a folder.

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace weir {

class Layout {
 public:
  explicit Layout(std::string directory) : directory_(std::move(directory)) {
    while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
  }

  const std::string& directory() const noexcept { return directory_; }
  std::string lock() const { return directory_ + "/lock"; }
  std::string admin_socket() const { return directory_ + "/admin.sock"; }
  std::string token_keys() const { return directory_ + "/token-keys.pem"; }
  std::string index() const { return directory_ + "/index"; }
  std::string index_file() const { return index() + "/data.mdb"; }
  std::string index_lock() const { return index() + "/lock.mdb"; }
  std::string old_index_file() const { return index() + "/data.mdb.unreadable"; }
  // While the index is made again.
  std::string new_index() const { return directory_ + "/index.new"; }
  std::string new_index_file() const { return new_index() + "/data.mdb"; }
  static std::string in(const std::string& folder, const std::string& name) { return folder + '/' + name; }
  std::string partials() const { return directory_ + "/partial"; }
  std::string policy() const { return directory_ + "/policy"; }
  std::string ballast() const { return directory_ + "/ballast"; }
  std::string usage() const { return directory_ + "/meter"; }
  std::string blobs(HashAlgorithm algorithm) const;
  std::string quarantine() const { return directory_ + "/quarantine"; }
  std::string quarantined(const Digest& digest) const;
  // The name in partial/ of a fill of `digest` through `repository`.
  static std::string partial_name(const Digest& digest, std::string_view repository);
  std::string partial(const std::string& name) const { return in(partials(), name); }
  std::string staging(const Digest& digest, unsigned long number) const;
  std::string blob_folder(const Digest& digest) const;
  std::string blob(const Digest& digest) const;

  // The digest that the name of a file in partial/ means; nothing for a name that is not ours, and for one of an earlier version
  // that names no repository.
  static std::optional<Digest> partial_digest(std::string_view file_name);
  // The same in quarantine/.
  static std::optional<Digest> quarantined_digest(std::string_view file_name);
  // The same in blobs/ALGORITHM/xx/.
  static std::optional<Digest> blob_digest(HashAlgorithm algorithm, std::string_view file_name);

 private:
  std::string directory_;
};

}  // namespace weir
