#pragma once
// Listening sockets: addresses as the configuration writes them, bound or taken from systemd.

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace weir {

struct Listener {
  UniqueFd fd;
  std::string address;  // as bound: 127.0.0.1:5000, [::1]:5000, unix:/path
};

// `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000`, `*:5000` or `:5000` (one socket for both families, IPv4 alone where
// the kernel has no IPv6). Port 0 asks the kernel. Error: invalid; io with the address in words.
Result<Listener> listen_on(std::string_view address);

// A unix socket of mode 0600; a dead one of that name is replaced, a live one is a conflict.
Result<Listener> listen_on_unix(const std::string& path);

// A socket that somebody else bound and listens on.
Result<Listener> adopt_listener(int fd);

// The address of the other side of `fd`, for the log.
std::string peer_address(int fd);

}  // namespace weir
