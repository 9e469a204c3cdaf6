#pragma once
// Addresses as a configuration writes them, judged by their form alone: no name is resolved here.

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// `127.0.0.1:5000`, `[::1]:5000`, `*:5000` or `:5000`; port 0 asks the kernel.
bool valid_listen_address(std::string_view text);

// A name, an IPv4 address or an IPv6 address in brackets, and maybe a port from 1.
bool valid_host_and_port(std::string_view text);

// http:// or https://, a host, maybe a port and a path; in the answer scheme and host are in lower case and no slash
// stands at the end. The error never repeats a text that may hold a password.
Result<std::string> parse_upstream_url(std::string_view text);

// The host of such a URL, without its port.
std::string_view host_of_url(std::string_view url);

}  // namespace weir
