#pragma once
// Users: names and passwords, as hashes; the door to libxcrypt.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "proxy/auth/users_file.h"

namespace weir {

// Immutable. Thread: any.
class Users {
 public:
  // libxcrypt takes no longer ones, and bcrypt looks at no more than the first 72 bytes of one.
  static constexpr std::size_t kMostPasswordBytes = 511;
  static constexpr std::size_t kMostBcryptBytes = 72;

  // Error (local): what keeps the file from being read; invalid as `FILE:LINE: what`.
  static Result<std::shared_ptr<const Users>> read(const std::string& file);

  explicit Users(const UsersFile& file);

  // Whether this is that user's password. Slow on purpose, a tenth of a second or more: never on a loop.
  //
  // A name that nobody has takes as long as one that somebody has: it is tried at one of the users' hashes, always at the same
  // one, and the answer is no. So names cannot be told apart even where hashes differ in cost.
  bool verify(std::string_view name, std::string_view password) const;

  // What stands for that user's password without telling it, and is another one when it was changed. Nothing: nobody has that name.
  std::optional<std::string> mark(std::string_view name) const;

  bool empty() const noexcept { return hashes_.empty(); }
  std::size_t size() const noexcept { return hashes_.size(); }

 private:
  std::unordered_map<std::string, std::string> hash_of_;
  std::vector<std::string> hashes_;  // of all users
  const std::string key_;  // which hash is an unknown name's, nobody can tell
};

enum class HashScheme { bcrypt, yescrypt };

// A hash for the users file, with a salt of its own. Slow. Error (local): invalid when the password is empty, has a NUL, or is
// longer than the scheme looks at.
Result<std::string> hash_password(std::string_view password, HashScheme scheme);

}  // namespace weir
