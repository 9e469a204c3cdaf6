#pragma once
// UsersFile: the lines of a htpasswd file, `NAME:HASH` each, comments (`#` in front) and empty lines among them.
//
// Hashes are bcrypt ($2a$, $2b$, $2y$) or yescrypt ($y$), at a cost that one guess may have; whatever else htpasswd can write
// (MD5, SHA-1, crypt, plain text) is refused. Nothing is hashed here, so none of it takes long.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

class UsersFile {
 public:
  static constexpr std::size_t kMostBytes = 16 << 20;

  // Error (local): invalid, with the number of the line: `line 3: what`. Neither hashes nor what might be one are repeated.
  static Result<UsersFile> parse(std::string_view text);

  struct User {
    std::string name, hash;
  };
  // In the order of their lines.
  std::vector<User> users() const;

  // Replaces a user's line where it stands, or adds one at the end. REQUIRES: name and hash are valid. False: it was new.
  bool set(std::string_view name, std::string_view hash);
  // Takes a user's line out. False: there is none.
  bool remove(std::string_view name);

  // All of it; unchanged lines as they were.
  std::string text() const;

 private:
  struct Line {
    std::string text;  // without its end
    User user;         // of no name: a comment or an empty line
  };
  std::vector<Line> lines_;
};

// What a line may have in front of its colon: an identity (see identity.h) without a colon, not beginning with `#`.
bool valid_user_name(std::string_view name);

// Nothing, or what is wrong with a hash.
const char* check_hash(std::string_view hash);

}  // namespace weir
