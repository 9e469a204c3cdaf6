// Headers of the PROXY protocol.

#include "proxy/http/proxy_protocol.h"
#include "base/network.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

// As a connection reads it: piece by piece, never more than was said to be missing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  std::size_t taken = 0;
  for (;;) {
    const auto read = read_proxy_header(text.substr(0, taken));
    if (!read) return 0;
    if (read->missing == 0) {
      expect(taken >= 16 && taken <= kMostProxyHeaderBytes, "a header has a least and a most");
      if (read->source && *read->source != "unix:proxied")
        expect(IpAddress::of_peer(*read->source).has_value(), "a source is an address and a port");
      return 0;
    }
    expect(taken + read->missing <= kMostProxyHeaderBytes, "no more is wanted than a header may have");
    if (taken + read->missing > text.size()) return 0;
    taken += read->missing;
  }
}
