// URLs of upstreams, and the Locations they send us to: the first line is the URL, the second a Location.

#include "proxy/upstream/url.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {
void check(const Url& url) {
  expect(!url.host.empty() && url.port > 0 && url.port <= 65535, "a URL has a host and a port");
  expect(url.target.starts_with('/'), "and a path");
  for (const char c : url.text()) expect(static_cast<unsigned char>(c) > 0x20 && c != 0x7f, "nothing in it ends a line");
  const auto again = Url::parse(url.text());
  expect(again && again->text() == url.text() && again->same_origin(url), "written and read again it is the same");
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = as_text(data, size);
  const auto first = take_line(text);
  const auto base = Url::parse(first);
  if (base) check(*base);
  const auto from = base ? base : Url::parse("https://registry.example/v2/a/blobs/x?y=z");
  if (const auto next = from->resolve(base ? text : as_text(data, size))) check(*next);
  return 0;
}
