#pragma once
// CertificateWatch: certificates, keys and client authorities that are replaced on the disk are shown without a reload.
//
// Every two seconds a thread of the pool looks whether one of the files is another or has changed. All of them have to fit
// together before any is used; until then the old ones are shown, and the log says so once for each state of the files.
// Connections that are there keep what they began with.

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "base/disk_pool.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/http/server.h"

namespace weir {

// What clients under TLS are shown, as the options say; nothing without certificates. Error: the files do not stand.
Result<std::shared_ptr<const TlsContext>> make_tls(const HttpOptions& options);

// Thread: begins and ends on that loop's; follow() and look() on any.
class CertificateWatch {
 public:
  // All must outlive it. `options` are what the server has been given.
  CertificateWatch(Loop& loop, DiskPool& pool, Log& log, Server& server, const HttpOptions& options);
  // Waits for the end of a look.
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;

  // After a reload: these are the files now, and the server has them.
  void follow(const HttpOptions& options);

  // What is done every two seconds; it blocks.
  void look();

 private:
  // What tells one state of a file from another without reading it; empty: it is not there.
  using Mark = std::string;

  std::vector<Mark> marks() const;
  void tick();

  DiskPool& pool_;
  Log& log_;
  Server& server_;
  Timer timer_;

  std::mutex mutex_;
  std::condition_variable idle_;
  bool looking_ = false;        // guarded by mutex_, as all below
  HttpOptions shown_;           // whose files they are, and what was in them
  std::vector<Mark> seen_;      // of the files as they were when they were last read
};

}  // namespace weir
