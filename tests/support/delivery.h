// One answer on its way to the wire, with everything that was scripted to go wrong on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/gate.h"
#include "tests/support/http_message.h"
#include "tests/support/reply.h"
#include "tests/support/rule.h"
#include "tests/support/stream.h"

namespace weir::testing {

class Delivery {
 public:
  enum class Result {
    whole,      // sent to its end; the connection may carry another answer
    last,       // sent to its end, and it was the connection's last
    cut_short,  // by the script, by the client or by the end of the server; the connection is over
  };

  // `gates` are those that hold this answer; `stall` is where a stalled one waits. `wrote` is told of bytes of body.
  Delivery(Stream& stream, std::vector<std::shared_ptr<Gate>> gates, std::shared_ptr<Gate> stall,
           std::function<void(std::uint64_t)> wrote);

  // REQUIRES: `reply` was edited() as `action` says.
  Result send(const Request& request, const Reply& reply, const Action& action);

 private:
  std::string head_text(const Request& request, const Reply& reply, const Action& action);
  bool send_body(const Reply& reply, const Action& action);
  bool send_piece(std::string_view piece, Framing framing);
  bool wait_at(std::int64_t position, const Action& action);
  std::uint64_t room(std::uint64_t position, const Action& action) const;
  bool pause(Milliseconds duration) const;
  bool hold_pace(std::uint64_t position, Deadline started, const Action& action) const;
  Result end(Ending ending);

  Stream& stream_;
  std::vector<std::shared_ptr<Gate>> gates_;
  std::shared_ptr<Gate> stall_;
  std::function<void(std::uint64_t)> wrote_;
  bool last_ = false;
};

}  // namespace weir::testing
