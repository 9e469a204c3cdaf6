// What a scripted upstream was asked and what it sent, request by request.
//
// A request is recorded when its head has been read and counted from then on; the rest of its record grows while it is
// answered. Bytes are counted when the kernel has taken them, so a client can hold a whole response a moment before the
// record says `finished`: wait_until_idle() before comparing bytes.
//
// Queries take a method ("" is any) and a regular expression (ECMAScript) searched in path and query ("" is any).
// Any thread may call any function.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/http_message.h"
#include "tests/support/wait.h"

namespace weir::testing {

struct RecordedRequest : Request {
  std::size_t number = 0;      // 1 for the first since clear()
  std::size_t connection = 0;  // 1 for the first ever accepted
  Deadline started = {};
  Deadline ended = {};           // when finished
  int status = 0;                // of the answer; 0: none yet
  std::uint64_t body_bytes = 0;  // of the answer's body, written so far
  bool finished = false;         // nothing more will be written
  bool whole = false;            // the answer was written to its end
};

class Journal {
 public:
  using Query = const std::string&;

  std::vector<RecordedRequest> requests(Query method = "", Query path = "") const;
  std::vector<RecordedRequest> with_header(const std::string& name) const;
  std::size_t count(Query method = "", Query path = "") const;
  std::uint64_t body_bytes(Query method = "", Query path = "") const;  // the sum over those requests

  // The most of these requests that were being answered at one moment.
  std::size_t peak_concurrency(Query method = "", Query path = "") const;

  // True when at least `count` such requests have come.
  [[nodiscard]] bool wait_for_count(Query method, Query path, std::size_t count, Milliseconds timeout = kPatience) const;

  // True when no request is being answered.
  [[nodiscard]] bool wait_until_idle(Milliseconds timeout = kPatience) const;

  std::size_t connections() const;       // accepted, ever
  std::size_t open_connections() const;  // now
  std::size_t peak_connections() const;  // open at one moment

  // Forgets all requests; connections are still counted.
  void clear();

  // For the server. An Entry is that of a request even after clear().
  using Entry = std::shared_ptr<RecordedRequest>;
  std::size_t connection_opened();
  void connection_closed();
  Entry begin(const Request& request, std::size_t connection);
  void answered(const Entry& entry, int status);
  void wrote(const Entry& entry, std::uint64_t bytes);
  void finished(const Entry& entry, bool whole);

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Entry> entries_;  // guarded by mutex_, as all below and what the entries point to
  std::size_t connections_ = 0;
  std::size_t open_ = 0;
  std::size_t peak_open_ = 0;
};

}  // namespace weir::testing
