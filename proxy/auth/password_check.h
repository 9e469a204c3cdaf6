#pragma once
// PasswordCheck: a name and a password, checked against the users without holding up a loop.
//
// Hashing happens on threads of its own that the machine prefers all others to, so guesses take what the loops leave. Of the same
// credentials at once one is hashed for all. Credentials that were right are remembered for five minutes, as a keyed hash that is
// worth nothing outside this process, so a node that logs in again and again costs one hash.
//
// Thread: any. Bounded: 64 wait to be hashed, 10,000 are remembered. No password is kept once it was hashed.

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/wait.h"
#include "proxy/auth/throttle.h"
#include "proxy/auth/users.h"

namespace weir {

class PasswordCheck {
 public:
  // The threads that hash: one for each four cores.
  static unsigned usual_threads();

  PasswordCheck(const Clock& clock, std::shared_ptr<const Users> users, unsigned threads = usual_threads());
  // What still waits is answered with cancelled. REQUIRES: the loops of those who wait are still there.
  ~PasswordCheck();
  PasswordCheck(const PasswordCheck&) = delete;

  // The users from now on; what was remembered of those before is forgotten.
  void use(std::shared_ptr<const Users> users);

  // Whether this is the password of somebody of that name. `peer`: the address it came from, as Exchange::peer() has it.
  // Error: throttled (client, retryable) when source or name have to wait, overloaded (local, retryable) when too many wait
  // already; both at once, and neither says whether it would have been right. cancelled at the end of the program.
  Task<Result<bool>> check(Loop& loop, std::string peer, std::string name, std::string password);

 private:
  using Answer = std::shared_ptr<OneShot<Result<bool>>>;
  struct Flight {
    std::string source, name, password;
    std::shared_ptr<const Users> users;
    std::vector<Answer> waiting;
  };
  struct Remembered {
    std::string key;
    Instant until;
  };

  // The answer where there is one at once; else `answer` will have it.
  std::optional<Result<bool>> join(const std::string& peer, std::string name, std::string password, const Answer& answer);
  void serve();
  void settle(const std::string& key, bool right);
  void remember(const std::string& key);

  const Clock& clock_;
  const std::string secret_;  // makes fingerprints of credentials
  Throttle throttle_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const Users> users_;  // guarded by mutex_, as all below
  unsigned generation_ = 0;  // of the users; a part of each key
  std::map<std::string, Flight> flights_;
  std::deque<std::string> queue_;  // of flights
  std::map<std::string, Instant> right_until_;
  std::deque<Remembered> remembered_;  // the oldest in front
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weir
