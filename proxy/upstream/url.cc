#include "proxy/upstream/url.h"

#include "base/text.h"

namespace weir {
namespace {

Error bad(std::string_view text) {
  return Error{Failure::invalid, Side::upstream, false, "not an http or https URL: " + std::string(text.substr(0, text.find('?')))};
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  Url url;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return bad(text);
  const auto scheme = to_lower(text.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return bad(text);
  url.tls = scheme == "https";
  auto rest = text.substr(scheme_end + 3);
  for (const char c : rest) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\') return bad(text);
  }
  rest = rest.substr(0, rest.find('#'));
  const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
  auto authority = rest.substr(0, authority_end);
  url.target = rest.substr(authority_end);
  if (url.target.empty() || url.target[0] == '?') url.target.insert(0, "/");
  if (authority.empty() || authority.find('@') != std::string_view::npos) return bad(text);

  std::string_view port;
  if (authority[0] == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return bad(text);
    const auto address = authority.substr(1, close - 1);
    if (address.find(':') == std::string_view::npos ||
        address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return bad(text);
    url.host = to_lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (!port.empty() && port[0] != ':') return bad(text);
  } else {
    const auto colon = authority.find(':');
    url.host = to_lower(authority.substr(0, colon));
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (url.host.empty() || url.host.find_first_of("[]") != std::string::npos) return bad(text);
  url.port = url.tls ? 443 : 80;
  if (port.size() > 1) {
    const auto number = parse_number(port.substr(1));
    if (!number || *number == 0 || *number > 65535) return bad(text);
    url.port = static_cast<unsigned>(*number);
  }
  return url;
}

Result<Url> Url::resolve(std::string_view location) const {
  // RFC 3986 4.2: what has a colon before any of the others begins with a scheme.
  if (const auto mark = location.find_first_of(":/?#"); mark != std::string_view::npos && location[mark] == ':')
    return parse(location);
  if (location.starts_with("//")) return parse((tls ? "https:" : "http:") + std::string(location));
  Url base = *this;
  base.target.clear();
  const std::string origin = base.text();
  if (location.starts_with('/')) return parse(origin + std::string(location));
  const auto path = target.substr(0, target.find('?'));
  if (location.starts_with('?')) return parse(origin + path + std::string(location));
  return parse(origin + path.substr(0, path.rfind('/') + 1) + std::string(location));
}

std::string Url::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string text = tls ? "https://" : "http://";
  text += v6 ? '[' + host + ']' : host;
  if (port != (tls ? 443u : 80u)) text += ':' + std::to_string(port);
  return text + target;
}

std::string Url::shown() const {
  const auto whole = text();
  return whole.substr(0, whole.find('?'));
}

}  // namespace weir
