#pragma once
// Throttle: who guesses passwords waits longer and longer, counted by source and by name.
//
// A try is counted as a failure when it begins, so that many at once gain nothing, and taken back when it succeeds.
// The first ten failures cost nothing; then it is a second, two, four, up to a minute for a source and ten seconds for a name. A
// name waits less because the owner of it may be waiting too: where he has succeeded before, during the last hours, the failures
// of others at his name do not hold him up. Fifteen minutes without a failure and all is forgotten.
//
// Thread: any. Bounded: of each kind 20,000 are remembered, and those that failed longest ago go first.

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace weir {

// Of `192.0.2.1:5000`, `[2001:db8::1]:5000` or either without a port: the address that failures are counted for, which is the
// whole one in IPv4 and the first 64 bits of IPv6. What is no address is taken as it is.
std::string throttled_source(std::string_view peer);

class Throttle {
 public:
  explicit Throttle(const Clock& clock);

  // How long there is to wait before the next try: nothing, and then the try is counted already.
  // `source` as throttled_source() has it.
  std::optional<Milliseconds> begin(const std::string& source, const std::string& name);
  // The try that began was right: neither source nor name is blamed for it, nor for one failure before.
  void succeeded(const std::string& source, const std::string& name);
  // The try that began came to nothing: nobody knows whether it was right.
  void abandoned(const std::string& source, const std::string& name);

 private:
  struct Entry {
    std::string key;
    unsigned failures = 0;
    Instant last;
    Instant wait_until;
  };
  // The latest in front.
  class Table {
   public:
    Entry& touch(const std::string& key, Instant now);
    Entry* find(const std::string& key);
    void erase(const std::string& key);

   private:
    std::list<Entry> entries_;
    std::unordered_map<std::string_view, std::list<Entry>::iterator> at_;
  };

  bool known_pair(const std::string& source, const std::string& name, Instant now);
  std::optional<Milliseconds> left_of(Table& table, const std::string& key, Instant now);
  static void take_back(Table& table, const std::string& key, unsigned failures, Milliseconds most);

  const Clock& clock_;
  std::mutex mutex_;
  Table sources_, names_;  // guarded by mutex_
  Table pairs_;            // guarded by mutex_: who succeeded where
};

}  // namespace weir
