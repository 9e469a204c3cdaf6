#include "proxy/read_body.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kFirstBody = 16 << 10;

// Lists that are kept for later make room for what is asked for now.
bool make_room(Site& site, MemoryBudget::Share& share, std::uint64_t bytes) {
  if (share.grow_to(bytes)) return true;
  site.listings.clear();
  return share.grow_to(bytes);
}

}  // namespace

std::shared_ptr<const std::string> bytes_of(std::shared_ptr<const ChargedText> text) {
  const auto* bytes = &text->bytes;
  return {std::move(text), bytes};
}

Task<Result<ChargedText>> read_body(Site& site, RegistryClient::Response& response, std::size_t most, unsigned copies) {
  ChargedText text{{}, site.memory.share()};
  const auto announced = response.content_length().value_or(kFirstBody);
  for (;;) {
    auto piece = co_await response.read();
    if (!piece) co_return std::move(piece).error();
    if (piece->empty()) co_return std::move(text);
    const auto size = text.bytes.size() + piece->size();
    if (size > most) {
      co_return Error{Failure::too_large, Side::upstream, false,
                      "the upstream's answer is larger than " + std::to_string(most) + " bytes"};
    }
    if (size > text.bytes.capacity()) {
      const auto next = std::max<std::uint64_t>({size, std::min<std::uint64_t>(announced, most), 2 * text.bytes.capacity()});
      const auto room = std::min<std::uint64_t>(next, most);
      if (!make_room(site, text.share, room * copies)) co_return site.memory.exhausted();
      text.bytes.reserve(room);
    }
    text.bytes += *piece;
  }
}

}  // namespace weir
