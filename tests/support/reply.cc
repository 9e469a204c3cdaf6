#include "tests/support/reply.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tests/support/json_text.h"

namespace weir::testing {

namespace {

struct Range {
  std::optional<std::uint64_t> first;  // absent: the last `last` bytes
  std::optional<std::uint64_t> last;   // absent: to the end
};

std::optional<Range> parse_range(std::string_view text) {
  if (!text.starts_with("bytes=")) return std::nullopt;
  text.remove_prefix(6);
  auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  Range range{parse_number(text.substr(0, dash)), parse_number(text.substr(dash + 1))};
  bool first_is_good = dash == 0 || range.first;
  bool last_is_good = dash + 1 == text.size() || range.last;
  if (!first_is_good || !last_is_good || (!range.first && !range.last)) return std::nullopt;
  if (range.first && range.last && *range.last < *range.first) return std::nullopt;
  return range;
}

}  // namespace

Reply Reply::whole(int status, Headers headers, Content content) {
  auto size = content.size();
  return {status, std::move(headers), std::move(content), 0, size};
}

Reply Reply::json(int status, std::string text) { return whole(status, {{"Content-Type", "application/json"}}, std::move(text)); }

Reply Reply::error(int status, const std::string& code, const std::string& message) {
  return json(status, "{\"errors\":[{\"code\":" + json_string(code) + ",\"message\":" + json_string(message) + "}]}\n");
}

Reply ranged(Reply reply, const Request& request) {
  auto text = request.headers.get("Range");
  auto condition = request.headers.get("If-Range");
  if (!text || (condition && *condition != reply.headers.value("ETag"))) return reply;
  auto range = parse_range(*text);
  if (!range) return reply;
  auto size = reply.length;
  std::uint64_t first = range->first ? *range->first : size - std::min(size, *range->last);
  std::uint64_t end = range->first && range->last ? std::min(size, *range->last + 1) : size;
  if (first >= size) {
    auto refusal = Reply::error(416, "SIZE_INVALID", "the range starts behind the end");
    refusal.headers.set("Content-Range", "bytes */" + std::to_string(size));
    return refusal;
  }
  reply.status = 206;
  reply.offset = first;
  reply.length = end - first;
  reply.headers.set("Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(end - 1) + "/" + std::to_string(size));
  return reply;
}

}  // namespace weir::testing
