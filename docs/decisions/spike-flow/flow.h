#pragma once
// What each candidate implements, in flow_*.cc: serving one connection, request after request.

#include <memory>

#include "world.h"

namespace spike {

// Destroying a Connection cancels what it is doing. REQUIRES: not from inside its own flow.
class Connection {
 public:
  virtual ~Connection() = default;
};

// Begins at once; calls client.close() when the last request of the connection has been accounted.
std::unique_ptr<Connection> serve(World& world, Client& client);

}  // namespace spike
