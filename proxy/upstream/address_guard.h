#pragma once
// Which addresses an upstream may not lead us to unless the configuration names the host: those of this machine and of
// the networks behind it (RFC 6890: loopback, link-local, private, unspecified, multicast and their IPv6 counterparts).

struct sockaddr;

namespace weir {

bool is_private_address(const sockaddr* address);

}  // namespace weir
