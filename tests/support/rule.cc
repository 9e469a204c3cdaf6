#include "tests/support/rule.h"

#include <algorithm>
#include <utility>

namespace weir::testing {

namespace {

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

Action answer(int status, std::string body, Headers headers) {
  return {.status = status, .body = std::move(body), .headers = std::move(headers)};
}

Action with_header(std::string name, std::string value) { return {.headers = {{std::move(name), std::move(value)}}}; }

Action without_header(std::string name) { return {.without_headers = {std::move(name)}}; }

Action redirect(int status, std::string location) { return {.status = status, .headers = {{"Location", std::move(location)}}}; }

Action delayed(Milliseconds delay) { return {.delay = delay}; }
Action throttled(std::uint64_t bytes_per_second) { return {.bytes_per_second = bytes_per_second}; }
Action truncated_after(std::uint64_t bytes) { return {.end_after = bytes}; }
Action reset_after(std::uint64_t bytes) { return {.end_after = bytes, .ending = Ending::reset}; }
Action stalled_after(std::uint64_t bytes) { return {.stall_after = bytes}; }
Action corrupted_at(std::uint64_t offset) { return {.corrupt_at = offset}; }
Action longer_by(std::uint64_t bytes) { return {.extra_bytes = bytes}; }
Action claiming_length(std::uint64_t length) { return with_header("Content-Length", std::to_string(length)); }
Action framed(Framing framing) { return {.framing = framing}; }
Action ignoring_range() { return {.ignore_range = true}; }
Action no_answer(Ending ending) { return {.cut_head_after = 0, .ending = ending}; }
Action cut_head_after(std::uint64_t bytes) { return {.cut_head_after = bytes}; }
Action garbage(std::string raw) { return {.raw = std::move(raw)}; }

Action huge_headers(std::uint64_t bytes) {
  constexpr std::uint64_t kField = 1000;
  Action action;
  for (std::uint64_t made = 0; made < bytes; made += kField) {
    auto name = "X-Padding-" + std::to_string(made);
    auto size = std::min(kField, bytes - made);
    action.headers.add(name, std::string(static_cast<std::size_t>(size), 'p'));
  }
  return action;
}

std::string exactly(const std::string& path) {
  std::string pattern = "^";
  for (char c : path) {
    if (std::string_view("^$\\.*+?()[]{}|/").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + "(\\?|$)";
}

std::size_t RuleList::add(Rule rule) {
  std::regex path(rule.path);
  std::lock_guard lock(mutex_);
  entries_.push_back({std::move(rule), std::move(path)});
  return entries_.size() - 1;
}

void RuleList::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
}

std::uint64_t RuleList::fired(std::size_t rule) const {
  std::lock_guard lock(mutex_);
  return rule < entries_.size() ? entries_[rule].fired : 0;
}

std::optional<Action> RuleList::choose(const Request& request, bool refused) {
  std::lock_guard lock(mutex_);
  for (auto& [rule, path, matched, fired] : entries_) {
    if (refused && !rule.unauthorized) continue;
    if (!rule.method.empty() && rule.method != request.method) continue;
    if (!rule.header.empty() && !request.headers.has(rule.header)) continue;
    if (!std::regex_search(request.target, path)) continue;
    if (fired == rule.times || matched++ < rule.skip) continue;
    ++fired;
    return rule.action;
  }
  return std::nullopt;
}

Reply edited(Reply reply, const Action& action, const Request& request) {
  if (action.status != 0) reply = Reply::whole(action.status, {}, action.body);
  Headers changes;
  for (auto [name, value] : action.headers) {
    replace_all(value, "{target}", request.target);
    replace_all(value, "{host}", request.headers.value("Host"));
    reply.headers.remove(name);
    changes.add(std::move(name), std::move(value));
  }
  for (const auto& [name, value] : changes) reply.headers.add(name, value);
  for (const auto& name : action.without_headers) reply.headers.remove(name);
  return reply;
}

}  // namespace weir::testing
