#include "proxy/auth/users_file.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "proxy/auth/identity.h"

namespace weir {
namespace {

// The order in which crypt(3) counts.
constexpr std::string_view kCryptDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// What one guess may take: 2^16 rounds of bcrypt are four seconds, 2^20 blocks of yescrypt are 128 MiB.
constexpr unsigned kLeastBcryptCost = 4, kMostBcryptCost = 16;
constexpr unsigned kLeastYescryptCost = 10, kMostYescryptCost = 20;

constexpr const char* kOtherScheme = "the hash is neither bcrypt nor yescrypt (htpasswd -B, or `weir user add`)";
constexpr const char* kBroken = "the hash is cut off or damaged";

bool all_crypt_digits(std::string_view text) { return text.find_first_not_of(kCryptDigits) == std::string_view::npos; }

// $2b$10$ and 53 digits: 22 of salt, 31 of hash.
const char* check_bcrypt(std::string_view hash) {
  if (hash.size() != 60 || hash[6] != '$' || !all_crypt_digits(hash.substr(7))) return kBroken;
  const auto cost = parse_number(hash.substr(4, 2));
  if (!cost) return kBroken;
  if (*cost < kLeastBcryptCost || *cost > kMostBcryptCost) return "the cost of the bcrypt hash is not from 4 to 16";
  return nullptr;
}

// $y$j9T$SALT$HASH: the flavour, the logarithm of the blocks and the size of one, each less one.
const char* check_yescrypt(std::string_view hash) {
  const auto parts = split(hash, '$');
  if (parts.size() != 5 || parts[4].size() != 43 || parts[3].empty() || parts[3].size() > 86) return kBroken;
  for (const auto part : {parts[2], parts[3], parts[4]}) {
    if (!all_crypt_digits(part)) return kBroken;
  }
  if (parts[2].size() != 3 || parts[2][0] != 'j') return "the yescrypt hash has other parameters than crypt(3) gives";
  const auto blocks = kCryptDigits.find(parts[2][1]) + 1, size = kCryptDigits.find(parts[2][2]) + 1;
  if (size > 32 || blocks < kLeastYescryptCost || blocks + (size > 8 ? 5 : 3) > kMostYescryptCost)
    return "the yescrypt hash takes too little or too much memory";
  return nullptr;
}

}  // namespace

bool valid_user_name(std::string_view name) {
  return valid_identity(name) && name.find(':') == std::string_view::npos && name[0] != '#';
}

const char* check_hash(std::string_view hash) {
  if (hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$")) return check_bcrypt(hash);
  if (hash.starts_with("$y$")) return check_yescrypt(hash);
  return kOtherScheme;
}

Result<UsersFile> UsersFile::parse(std::string_view text) {
  UsersFile file;
  std::unordered_set<std::string_view> names;
  auto pieces = split(text, '\n');
  if (pieces.back().empty()) pieces.pop_back();
  for (const auto piece : pieces) {
    Line line{std::string(piece), {}};
    const auto wrong = [&](const char* what) {
      return Error{Failure::invalid, Side::local, false, "line " + std::to_string(file.lines_.size() + 1) + ": " + what};
    };
    const auto content = piece.ends_with('\r') ? piece.substr(0, piece.size() - 1) : piece;
    if (!trim(content).empty() && !content.starts_with('#')) {
      const auto colon = content.find(':');
      if (colon == std::string_view::npos) return wrong("no colon between a name and a hash");
      const auto name = content.substr(0, colon), hash = content.substr(colon + 1);
      if (!valid_user_name(name)) return wrong("the name is empty, longer than 255 bytes, or has blanks or control characters");
      if (const char* what = check_hash(hash)) return wrong(what);
      if (!names.insert(name).second) return wrong("the name is there twice");
      line.user = {std::string(name), std::string(hash)};
    }
    file.lines_.push_back(std::move(line));
  }
  return file;
}

std::vector<UsersFile::User> UsersFile::users() const {
  std::vector<User> users;
  for (const auto& line : lines_) {
    if (!line.user.name.empty()) users.push_back(line.user);
  }
  return users;
}

bool UsersFile::set(std::string_view name, std::string_view hash) {
  MUST(valid_user_name(name) && check_hash(hash) == nullptr);
  Line made{std::string(name) + ':' + std::string(hash), {std::string(name), std::string(hash)}};
  const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) { return line.user.name == name; });
  if (found == lines_.end()) {
    lines_.push_back(std::move(made));
    return false;
  }
  *found = std::move(made);
  return true;
}

bool UsersFile::remove(std::string_view name) {
  MUST(!name.empty());
  return std::erase_if(lines_, [&](const Line& line) { return line.user.name == name; }) > 0;
}

std::string UsersFile::text() const {
  std::string text;
  for (const auto& line : lines_) text += line.text + '\n';
  return text;
}

}  // namespace weir
