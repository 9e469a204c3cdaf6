#pragma once
// Result<T>: a value or an Error. No exception crosses the data path; what can fail says so in its type.

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace weir {

// Whose fault an error is; decides between 4xx, 502/504 and 500/507.
enum class Side { client, upstream, local };

// What went wrong, in the words the whole program shares. The mapping to HTTP is oci/errors.
enum class Failure {
  invalid,         // malformed input, a broken rule of a grammar
  not_found,       // the thing does not exist
  denied,          // known and refused
  unauthorized,    // the upstream refused our credentials
  too_large,       // over a stated limit
  corrupt,         // bytes disagree with their digest or their framing
  timeout,         // no progress within the stated time
  unreachable,     // DNS, connect or TLS failed, or the peer broke the connection
  unavailable,     // lately nothing answered there, so it was not asked
  refused,         // the upstream answered with an error status
  throttled,       // the upstream answered 429
  overloaded,      // a limit of our own is reached
  no_space,        // ENOSPC, EDQUOT
  io,              // any other disk error
  over_budget,     // what may be kept has no room for it
  conflict,        // someone else holds it
  cancelled,       // shutting down, or the peer went away
  unsupported,     // a method or a feature that is not offered
};

struct [[nodiscard]] Error {
  Failure failure = Failure::invalid;
  Side side = Side::local;
  bool retryable = false;
  std::string what;      // one sentence for a person, without a trailing full stop
  int status = 0;        // the upstream's HTTP status where there was one
};

// Names are stable: they appear in logs and counters.
const char* failure_name(Failure) noexcept;

// The Error of a failed system call: ENOSPC and EDQUOT become no_space, ENOENT not_found, EMFILE and ENFILE overloaded, the
// rest io.
Error system_error(int error_number, std::string doing);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: meant to convert
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & {
    MUST(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    MUST(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    MUST(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    MUST(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    MUST(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

struct Done {};

// A Result without a value.
using Status = Result<Done>;
inline Status ok_status() { return Done{}; }

}  // namespace weir
