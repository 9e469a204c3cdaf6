#include "proxy/auth/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/file_system.h"
#include "base/hash.h"
#include "base/text.h"
#include "proxy/auth/jwk.h"

namespace weir {
namespace {

constexpr std::size_t kMostFileBytes = 64 << 10;
constexpr std::string_view kBegin = "-----BEGIN ";

Error bad_file(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

// A file of a name that nobody knows, beside `path`, on the disk with this text in it and 0600.
Result<std::string> write_beside(const std::string& path, std::string_view text) {
  const std::string temporary = path + '.' + to_hex(random_bytes(8));
  const UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return system_error(errno, "make " + temporary);
  const auto written = ::write(file.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0) {
    const int error = written < 0 || written == static_cast<ssize_t>(text.size()) ? errno : ENOSPC;
    ::unlink(temporary.c_str());
    return system_error(error, "write " + temporary);
  }
  return temporary;
}

// A name that was given or taken is on the disk.
void sync_folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) (void)::fsync(fd.get());  // a file system that cannot has the file all the same
}

}  // namespace

KeyRing::KeyRing(std::vector<PrivateKey> keys) {
  std::vector<Jwk> shown;
  for (auto& key : keys) {
    auto kid = thumbprint(key.public_key());
    shown.push_back({kid, key.public_key()});
    keys_.push_back({std::move(kid), std::move(key)});
  }
  jwks_ = jwks_document(shown);
}

Result<std::shared_ptr<const KeyRing>> KeyRing::parse(std::string_view pem) {
  std::vector<PrivateKey> keys;
  for (auto at = pem.find(kBegin); at != std::string_view::npos;) {
    const auto next = pem.find(kBegin, at + kBegin.size());
    const auto block = pem.substr(at, next == std::string_view::npos ? next : next - at);
    at = next;
    // OpenSSL writes the curve of a SEC 1 key in front of it.
    if (block.starts_with("-----BEGIN EC PARAMETERS-----")) continue;
    if (keys.size() == kMostKeys) return bad_file("more than " + std::to_string(kMostKeys) + " keys in it");
    auto key = PrivateKey::from_pem(block);
    if (!key) return std::move(key).error();
    keys.push_back(*std::move(key));
  }
  if (keys.empty()) return bad_file("no PEM private key in it");
  return std::shared_ptr<const KeyRing>(new KeyRing(std::move(keys)));
}

Result<std::shared_ptr<const KeyRing>> KeyRing::read(const std::string& path) {
  const auto text = read_small_file(path, kMostFileBytes);
  if (!text) return text.error();
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 0007) != 0)
    return Error{Failure::denied, Side::local, false, path + " may be read or written by everybody: chmod 600 it"};
  auto ring = parse(*text);
  if (ring) return ring;
  Error error = std::move(ring).error();
  error.what = path + ": " + error.what;
  return error;
}

Result<std::shared_ptr<const KeyRing>> KeyRing::read_or_make(const std::string& path) {
  auto ring = read(path);
  if (ring || ring.error().failure != Failure::not_found) return ring;
  const auto temporary = write_beside(path, PrivateKey::generate().to_pem());
  if (!temporary) return temporary.error();
  // Whoever is first gives the file its name; the others read that one.
  const int linked = ::link(temporary->c_str(), path.c_str());
  const int error = errno;
  ::unlink(temporary->c_str());
  if (linked != 0 && error != EEXIST) return system_error(error, "make " + path);
  sync_folder_of(path);
  return read(path);
}

Status KeyRing::rotate(const std::string& path) {
  const auto ring = read(path);
  if (!ring) return ring.error();
  const auto temporary = write_beside(path, PrivateKey::generate().to_pem() + (*ring)->current().to_pem());
  if (!temporary) return temporary.error();
  struct stat status{};
  // Root rotates for the service too.
  if (::stat(path.c_str(), &status) == 0 && ::geteuid() == 0 && ::chown(temporary->c_str(), status.st_uid, status.st_gid) != 0) {
    const int error = errno;
    ::unlink(temporary->c_str());
    return system_error(error, "give " + *temporary + " to the owner of " + path);
  }
  if (::rename(temporary->c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary->c_str());
    return system_error(error, "replace " + path);
  }
  sync_folder_of(path);
  return ok_status();
}

const PublicKey* KeyRing::find(std::string_view kid) const noexcept {
  for (const auto& entry : keys_) {
    if (entry.kid == kid) return &entry.key.public_key();
  }
  return nullptr;
}

}  // namespace weir
