#include "proxy/certificate_watch.h"

#include <sys/stat.h>

#include "base/file_system.h"

namespace weir {
namespace {

constexpr auto kLookEvery = Seconds(2);

std::string mark_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  const auto time = [](const timespec& at) { return std::to_string(at.tv_sec) + '.' + std::to_string(at.tv_nsec) + ' '; };
  return std::to_string(status.st_dev) + ' ' + std::to_string(status.st_ino) + ' ' + std::to_string(status.st_size) + ' ' +
         time(status.st_mtim) + time(status.st_ctim);
}

// What is in the files now.
Status read_again(HttpOptions& options) {
  std::vector<CertifiedKey> keys;
  for (std::size_t i = 0; i < options.tls_certificates.size(); ++i) {
    auto key = CertifiedKey::load(options.tls_certificates[i], options.tls_keys[i]);
    if (!key) return std::move(key).error();
    keys.push_back(*std::move(key));
  }
  options.certified_keys = std::move(keys);
  if (options.client_ca.empty()) return ok_status();
  auto authorities = read_small_file(options.client_ca, kMostAuthoritiesBytes);
  if (!authorities) return std::move(authorities).error();
  options.client_authorities = *std::move(authorities);
  return ok_status();
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> make_tls(const HttpOptions& options) {
  if (options.certified_keys.empty()) return std::shared_ptr<const TlsContext>();
  return TlsContext::make(options.certified_keys, options.client_authorities);
}

CertificateWatch::CertificateWatch(Loop& loop, DiskPool& pool, Log& log, Server& server, const HttpOptions& options)
    : pool_(pool), log_(log), server_(server), timer_(loop, [this] { tick(); }) {
  follow(options);
  timer_.start(kLookEvery);
}

CertificateWatch::~CertificateWatch() {
  timer_.stop();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !looking_; });
}

std::vector<CertificateWatch::Mark> CertificateWatch::marks() const {
  std::vector<Mark> marks;
  for (const auto* files : {&shown_.tls_certificates, &shown_.tls_keys}) {
    for (const auto& file : *files) marks.push_back(mark_of(file));
  }
  if (!shown_.client_ca.empty()) marks.push_back(mark_of(shown_.client_ca));
  return marks;
}

void CertificateWatch::follow(const HttpOptions& options) {
  std::lock_guard lock(mutex_);
  shown_ = options;
  seen_.clear();  // they may have changed since they were read
}

void CertificateWatch::tick() {
  timer_.start(kLookEvery);
  {
    std::lock_guard lock(mutex_);
    if (looking_ || shown_.tls_certificates.empty()) return;
    looking_ = true;
  }
  pool_.submit([this] {
    look();
    std::lock_guard lock(mutex_);
    looking_ = false;
    idle_.notify_all();
  });
}

void CertificateWatch::look() {
  std::lock_guard lock(mutex_);
  const auto before = marks();
  if (before == seen_) return;
  HttpOptions read = shown_;
  auto status = read_again(read);
  if (marks() != before) return;  // they are being written; the next look finds them at rest
  seen_ = before;
  if (status && read.certified_keys == shown_.certified_keys && read.client_authorities == shown_.client_authorities) return;
  auto context = status ? make_tls(read) : Result<std::shared_ptr<const TlsContext>>(std::move(status).error());
  if (!context) {
    log_.error("changed certificates do not stand, the old ones are shown on", {{"error", context.error().what}});
    return;
  }
  shown_ = std::move(read);
  server_.use_tls(*std::move(context));
  log_.info("certificates replaced");
}

}  // namespace weir
