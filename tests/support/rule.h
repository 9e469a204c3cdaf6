// Faults by script: which requests, how often, and what happens to them.
//
// Rules are tried in the order they were added; the first that matches and is due decides, the others see nothing of
// that request. A rule is not asked about a request that the registry refuses for want of a good token, unless it says
// so: a fault meant for a blob is not spent on the challenge in front of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/http_message.h"
#include "tests/support/reply.h"
#include "tests/support/wait.h"

namespace weir::testing {

enum class Framing { content_length, chunked, until_close };
enum class Ending { close, reset };

// What to do to one answer; as given it does nothing. Fields combine. The functions below make the usual ones.
// Positions count bytes of this response's body, unless said otherwise.
struct Action {
  // An answer in place of the registry's own. In `headers`, also when status is 0, "{target}" stands for the request's
  // target and "{host}" for its Host field.
  int status = 0;  // 0: the registry's own answer
  std::string body = {};
  std::string raw = {};  // not empty: these bytes and nothing else, then the connection is closed

  // Changes to the head. A Content-Length given here may be wrong; the connection is closed after the body if it is.
  Headers headers = {};
  std::vector<std::string> without_headers = {};
  bool ignore_range = false;  // 200 and everything
  Framing framing = Framing::content_length;

  // Changes to the body.
  std::uint64_t extra_bytes = 0;                 // behind the end, within Content-Length unless that is set
  std::optional<std::uint64_t> corrupt_at = {};  // one byte is inverted; an offset in the blob, not the response

  // Time.
  Milliseconds delay{0};               // before the head
  Milliseconds chunk_delay{0};         // before each 16 KiB of body
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes

  // The end. A stalled response waits for release_stalled(), its client's departure, or the end of the server.
  std::optional<std::uint64_t> cut_head_after = {};  // bytes of head; 0: no answer at all
  std::optional<std::uint64_t> stall_after = {};
  std::optional<std::uint64_t> end_after = {};
  Ending ending = Ending::close;
};

Action answer(int status, std::string body = {}, Headers headers = {});
Action with_header(std::string name, std::string value);  // replaces, or adds
Action without_header(std::string name);
Action redirect(int status, std::string location);  // e.g. redirect(307, store.url("{target}"))
Action delayed(Milliseconds delay);
Action throttled(std::uint64_t bytes_per_second);
Action truncated_after(std::uint64_t bytes);  // FIN
Action reset_after(std::uint64_t bytes);      // RST; the client can still read all those bytes
Action stalled_after(std::uint64_t bytes);
Action corrupted_at(std::uint64_t offset);
Action longer_by(std::uint64_t bytes);         // a longer body, with the Content-Length to match
Action claiming_length(std::uint64_t length);  // a Content-Length that is not the body's
Action framed(Framing framing);
Action ignoring_range();
Action no_answer(Ending ending = Ending::close);
Action cut_head_after(std::uint64_t bytes);
Action huge_headers(std::uint64_t bytes);  // the registry's answer with that much more in its head
Action garbage(std::string raw = "SMTP/9 banana\r\n\r\n");

inline constexpr std::uint64_t kAlways = std::numeric_limits<std::uint64_t>::max();

struct Rule {
  std::string method = {};        // empty: any
  std::string path = {};          // a regular expression (ECMAScript) found in path and query; empty: any
  std::string header = {};        // not empty: only requests that carry this header field
  std::uint64_t skip = 0;         // so many matching requests pass untouched first
  std::uint64_t times = kAlways;  // then so many are acted on
  bool unauthorized = false;      // also requests that are about to be refused with 401 or 403
  Action action = {};
};

// The regular expression that finds exactly this path, with any query.
std::string exactly(const std::string& path);

// Any thread may call any function.
class RuleList {
 public:
  // A number that names the rule until clear().
  std::size_t add(Rule rule);
  void clear();
  std::uint64_t fired(std::size_t rule) const;

  std::optional<Action> choose(const Request& request, bool refused);

 private:
  struct Entry {
    Rule rule;
    std::regex path;
    std::uint64_t matched = 0;
    std::uint64_t fired = 0;
  };
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
};

// `reply` with the changes to answer, head and range that `action` asks for. Body, time and end are the sender's.
Reply edited(Reply reply, const Action& action, const Request& request);

}  // namespace weir::testing
