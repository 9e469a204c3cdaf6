#include "proxy/auth/users.h"

#include <crypt.h>
#include <string.h>

#include <cstdint>

#include "base/file_system.h"
#include "base/hash.h"
#include "base/text.h"

namespace weir {
namespace {

// A tenth of a second each on the machines of 2026.
constexpr unsigned long kBcryptCost = 10;
constexpr unsigned long kYescryptCost = 5;

// What crypt(3) works in, 32 KiB; it wipes its own traces, the password's copy is ours to wipe.
struct Workspace {
  crypt_data data{};
  ~Workspace() { ::explicit_bzero(&data, sizeof data); }
};

// Empty when it cannot be: the setting is nonsense, or there is not enough memory.
std::string hashed(std::string_view password, const std::string& setting) {
  const auto work = std::make_unique<Workspace>();
  password.copy(work->data.input, sizeof work->data.input - 1);
  const char* hash = ::crypt_rn(work->data.input, setting.c_str(), &work->data, sizeof work->data);
  return hash ? hash : "";
}

bool can_be_hashed(std::string_view password) {
  return password.size() <= Users::kMostPasswordBytes && password.find('\0') == std::string_view::npos;
}

}  // namespace

Result<std::shared_ptr<const Users>> Users::read(const std::string& file) {
  const auto text = read_small_file(file, UsersFile::kMostBytes);
  if (!text) return text.error();
  const auto parsed = UsersFile::parse(*text);
  if (parsed) return std::make_shared<const Users>(*parsed);
  Error error = parsed.error();
  constexpr std::string_view kLine = "line ";
  if (error.what.starts_with(kLine)) error.what = file + ':' + error.what.substr(kLine.size());
  return error;
}

Users::Users(const UsersFile& file) : key_(random_bytes(32)) {
  for (auto& user : file.users()) {
    hashes_.push_back(user.hash);
    hash_of_.emplace(std::move(user.name), std::move(user.hash));
  }
}

std::optional<std::string> Users::mark(std::string_view name) const {
  const auto found = hash_of_.find(std::string(name));
  if (found == hash_of_.end()) return std::nullopt;
  return to_base64url(hash_of(HashAlgorithm::sha256, found->second).substr(0, 16));
}

bool Users::verify(std::string_view name, std::string_view password) const {
  if (hashes_.empty() || !can_be_hashed(password)) return false;
  // Worked out for known names too, that they take no less.
  const std::string code = keyed_hash(key_, name);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | static_cast<unsigned char>(code[i]);
  const auto found = hash_of_.find(std::string(name));
  const bool known = found != hash_of_.end();
  const std::string& hash = known ? found->second : hashes_[number % hashes_.size()];
  return equal_secrets(hashed(password, hash), hash) && known;
}

Result<std::string> hash_password(std::string_view password, HashScheme scheme) {
  const bool bcrypt = scheme == HashScheme::bcrypt;
  const auto invalid = [](std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; };
  if (password.empty()) return invalid("the password is empty");
  if (password.find('\0') != std::string_view::npos) return invalid("the password has a NUL in it");
  const auto most = bcrypt ? Users::kMostBcryptBytes : Users::kMostPasswordBytes;
  if (password.size() > most)
    return invalid("the password is longer than the " + std::to_string(most) + " bytes that " + (bcrypt ? "bcrypt" : "yescrypt") +
                   " looks at");
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  const std::string salt = random_bytes(16);
  MUST(::crypt_gensalt_rn(bcrypt ? "$2b$" : "$y$", bcrypt ? kBcryptCost : kYescryptCost, salt.data(),
                           static_cast<int>(salt.size()), setting, sizeof setting) != nullptr);
  auto hash = hashed(password, setting);
  if (hash.empty()) return Error{Failure::overloaded, Side::local, true, "not enough memory to hash a password"};
  MUST(check_hash(hash) == nullptr);
  return hash;
}

}  // namespace weir
