#pragma once
// Policy: a cache of so many bytes that decides what stays, fed with a trace one request at a time.
//
// Each admits whatever is asked for and fits into it at all, as weir stores whatever it fetches; the one that knows the
// future may decline.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/bench/eviction/trace.h"

namespace bench {

class Policy {
 public:
  Policy(const Trace& trace, std::uint64_t capacity) : trace_(trace), capacity_(capacity) {}
  virtual ~Policy() = default;
  Policy(const Policy&) = delete;

  // True: the blob was held. It is afterwards, if it is kept.
  virtual bool request(const Request& request) = 0;
  // What was written to tables for it, if it writes to any.
  virtual std::uint64_t writes() const { return 0; }

 protected:
  std::uint64_t size_of(Blob blob) const { return trace_.sizes[blob]; }
  const Trace& trace_;
  const std::uint64_t capacity_;
};

struct Contender {
  std::string name;
  std::function<std::unique_ptr<Policy>(const Trace&, std::uint64_t capacity)> make;
};

}  // namespace bench
