#include "conf/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

bool parses_as(int family, std::string_view text) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(family, std::string(text).c_str(), address) == 1;
}

bool alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool valid_label(std::string_view label) {
  const auto fits = [](char c) { return alphanumeric(c) || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), fits);
}

bool valid_host(std::string_view host) {
  if (host.starts_with('[')) return host.ends_with(']') && parses_as(AF_INET6, host.substr(1, host.size() - 2));
  if (host.find_first_not_of("0123456789.") == std::string_view::npos) return parses_as(AF_INET, host);
  const auto labels = split(host, '.');
  return host.size() <= 253 && std::all_of(labels.begin(), labels.end(), valid_label);
}

bool valid_port(std::string_view text, unsigned least) {
  const auto port = parse_number(text);
  return port && *port >= least && *port <= 65535 && text.size() <= 5;
}

// Where the colon before the port is; the colons of `[::1]` are none.
std::size_t port_colon(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto bracket = text.rfind(']');
  return colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket) ? colon : std::string_view::npos;
}

bool valid_path(std::string_view path) {
  const auto fits = [](char c) {
    return alphanumeric(c) || std::string_view("/-._~%!$&'()*+,;=:").find(c) != std::string_view::npos;
  };
  return std::all_of(path.begin(), path.end(), fits) && percent_decode(path).has_value();
}

Error wrong_address(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

}  // namespace

bool valid_listen_address(std::string_view text) {
  const auto colon = port_colon(text);
  if (colon == std::string_view::npos || !valid_port(text.substr(colon + 1), 0)) return false;
  const auto host = text.substr(0, colon);
  if (host.starts_with('[')) return valid_host(host);
  return host.empty() || host == "*" || parses_as(AF_INET, host);
}

bool valid_host_and_port(std::string_view text) {
  const auto colon = port_colon(text);
  if (colon == std::string_view::npos) return valid_host(text);
  return valid_host(text.substr(0, colon)) && valid_port(text.substr(colon + 1), 1);
}

Result<std::string> parse_upstream_url(std::string_view text) {
  // These two first, and unquoted: what stands before an @ or after a ? may be a secret.
  if (text.find('@') != std::string_view::npos) return wrong_address("a url holds no user and no password");
  if (text.find_first_of("?#") != std::string_view::npos) return wrong_address("a url has no query (?) and no fragment (#)");
  const auto scheme = to_lower(text.substr(0, std::min(text.find("://"), text.size())));
  if (text.find("://") == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return wrong_address(quoted(text) + " does not start with http:// or https://");
  }
  const auto rest = text.substr(scheme.size() + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto host = rest.substr(0, slash);
  auto path = rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!valid_host_and_port(host))
    return wrong_address(quoted(text) + " has no valid host, or no valid port, after " + scheme + "://");
  if (!valid_path(path)) return wrong_address(quoted(text) + " has a path with characters a url cannot have");
  return scheme + "://" + to_lower(host) + std::string(path);
}

std::string_view host_of_url(std::string_view url) {
  const auto authority = url.substr(url.find("://") + 3);
  const auto host = authority.substr(0, authority.find('/'));
  return host.substr(0, port_colon(host));
}

}  // namespace weir
