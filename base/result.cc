#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace weir {

const char* failure_name(Failure failure) noexcept {
  switch (failure) {
    case Failure::invalid: return "invalid";
    case Failure::not_found: return "not_found";
    case Failure::denied: return "denied";
    case Failure::unauthorized: return "unauthorized";
    case Failure::too_large: return "too_large";
    case Failure::corrupt: return "corrupt";
    case Failure::timeout: return "timeout";
    case Failure::unreachable: return "unreachable";
    case Failure::unavailable: return "unavailable";
    case Failure::refused: return "refused";
    case Failure::throttled: return "throttled";
    case Failure::overloaded: return "overloaded";
    case Failure::no_space: return "no_space";
    case Failure::io: return "io";
    case Failure::over_budget: return "over_budget";
    case Failure::conflict: return "conflict";
    case Failure::cancelled: return "cancelled";
    case Failure::unsupported: return "unsupported";
  }
  return "unknown";
}

Error system_error(int error_number, std::string doing) {
  Error error{Failure::io, Side::local, false, std::move(doing)};
  error.what += ": ";
  error.what += ::strerrordesc_np(error_number) ? ::strerrordesc_np(error_number) : "unknown error";
  if (error_number == ENOSPC || error_number == EDQUOT) error.failure = Failure::no_space;
  if (error_number == ENOENT) error.failure = Failure::not_found;
  if (error_number == EMFILE || error_number == ENFILE) error.failure = Failure::overloaded;
  return error;
}

}  // namespace weir
