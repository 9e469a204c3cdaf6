#pragma once
// AdminClient: how a command asks the running server, over its admin socket.

#include <string>

#include "base/result.h"

namespace weir {

struct AdminAnswer {
  int status = 0;
  std::string body;  // JSON
};

// POSTs the JSON, or GETs where there is none, and waits. Error: unreachable when no server listens there.
Result<AdminAnswer> ask_admin(const std::string& socket, const std::string& path, const std::string& json);

}  // namespace weir
