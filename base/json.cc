#include "base/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace weir {

using Node = nlohmann::json;

struct Json::Document {
  Node root;
};

namespace {
const Node& as_node(const void* node) { return *static_cast<const Node*>(node); }

Error invalid(std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; }

// Where a string ends that begins before `at`: at its closing quote, or at the end of the text.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

// The parser needs no recursion, but it destroys a tree recursively and copies each string and number twice, so all of that
// is bounded before it starts. Commas and opening brackets bound the number of values from above.
Status check_limits(std::string_view text, const JsonLimits& limits) {
  // The parser ends at a NUL as if the text ended there; JSON has none.
  if (text.find('\0') != std::string_view::npos) return invalid("not valid JSON");
  unsigned depth = 0;
  std::size_t values = 1, word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"': {
        const auto end = end_of_string(text, i + 1);
        if (end - i - 1 > limits.string) return invalid("JSON with a string over " + std::to_string(limits.string) + " bytes");
        i = end;
        break;
      }
      case '{':
      case '[':
        if (++depth > limits.depth) return invalid("JSON is nested too deeply");
        ++values;
        break;
      case ',': ++values; break;
      case '}':
      case ']': depth -= depth > 0; break;
      case ':':
      case ' ':
      case '\t':
      case '\r':
      case '\n': break;
      default:
        if (++word > JsonLimits::kMostNumber) return invalid("not valid JSON");
        continue;
    }
    word = 0;
  }
  if (values > limits.values) return invalid("JSON with more than " + std::to_string(limits.values) + " values");
  return ok_status();
}

// nlohmann's events, passed on as ours.
class Forward final : public nlohmann::json_sax<Node> {
 public:
  explicit Forward(JsonEvents& events) : events_(events) {}
  bool malformed() const { return malformed_; }

  bool null() override { return events_.null(); }
  bool boolean(bool value) override { return events_.boolean(value); }
  bool number_integer(number_integer_t value) override { return events_.integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return value > INT64_MAX ? events_.number(static_cast<double>(value)) : events_.integer(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return events_.number(value); }
  bool string(string_t& value) override { return events_.string(value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return events_.begin_object(); }
  bool key(string_t& name) override { return events_.key(name); }
  bool end_object() override { return events_.end_object(); }
  bool start_array(std::size_t) override { return events_.begin_array(); }
  bool end_array() override { return events_.end_array(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    malformed_ = true;
    return false;
  }

 private:
  JsonEvents& events_;
  bool malformed_ = false;
};
}  // namespace

Status read_json(std::string_view text, JsonEvents& events, const JsonLimits& limits) {
  if (auto status = check_limits(text, limits); !status) return status;
  Forward forward(events);
  if (Node::sax_parse(text.data(), text.data() + text.size(), &forward)) return ok_status();
  if (forward.malformed()) return invalid("not valid JSON");
  return Error{Failure::cancelled, Side::client, false, "the reader of the JSON stopped"};
}

Result<Json> Json::parse(std::string_view text, const JsonLimits& limits) {
  if (auto status = check_limits(text, limits); !status) return std::move(status).error();
  Node root = Node::parse(text.begin(), text.end(), nullptr, false);
  if (root.is_discarded()) return invalid("not valid JSON");
  auto document = std::make_shared<Document>();
  document->root = std::move(root);
  const void* node = &document->root;
  return Json(std::move(document), node);
}

bool Json::is_object() const { return as_node(node_).is_object(); }
bool Json::is_array() const { return as_node(node_).is_array(); }
bool Json::has(std::string_view key) const { return at(key).has_value(); }

std::optional<Json> Json::at(std::string_view key) const {
  const Node& node = as_node(node_);
  if (!node.is_object()) return std::nullopt;
  const auto found = node.find(key);
  if (found == node.end()) return std::nullopt;
  return Json(document_, &*found);
}

std::vector<Json> Json::items() const {
  std::vector<Json> items;
  const Node& node = as_node(node_);
  if (!node.is_array()) return items;
  for (const Node& item : node) items.push_back(Json(document_, &item));
  return items;
}

std::vector<std::string> Json::keys() const {
  std::vector<std::string> keys;
  const Node& node = as_node(node_);
  if (!node.is_object()) return keys;
  for (auto member = node.begin(); member != node.end(); ++member) keys.push_back(member.key());
  return keys;
}

std::optional<std::string> Json::string() const {
  const Node& node = as_node(node_);
  if (!node.is_string()) return std::nullopt;
  return node.get<std::string>();
}

std::optional<std::int64_t> Json::integer() const {
  const Node& node = as_node(node_);
  if (node.is_number_unsigned() && node.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (!node.is_number_integer()) return std::nullopt;
  return node.get<std::int64_t>();
}

std::optional<double> Json::number() const {
  const Node& node = as_node(node_);
  if (!node.is_number()) return std::nullopt;
  return node.get<double>();
}

std::optional<bool> Json::boolean() const {
  const Node& node = as_node(node_);
  if (!node.is_boolean()) return std::nullopt;
  return node.get<bool>();
}

std::optional<std::string> Json::string_at(std::string_view key) const {
  const auto member = at(key);
  return member ? member->string() : std::nullopt;
}

std::optional<std::int64_t> Json::integer_at(std::string_view key) const {
  const auto member = at(key);
  return member ? member->integer() : std::nullopt;
}

std::string Json::text() const { return as_node(node_).dump(-1, ' ', false, Node::error_handler_t::replace); }

void append_json_string(std::string& out, std::string_view text) {
  bool plain = true;
  for (const char c : text) plain = plain && c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  if (plain) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  out += Node(text).dump(-1, ' ', false, Node::error_handler_t::replace);
}

JsonWriter& JsonWriter::open(char begin, char closing) {
  comma();
  text_ += begin;
  closing_ += closing;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::end() {
  MUST(!closing_.empty());
  text_ += closing_.back();
  closing_.pop_back();
  first_ = false;
  return *this;
}

void JsonWriter::comma() {
  if (!first_ && !after_key_) text_ += ',';
  first_ = false;
  after_key_ = false;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  comma();
  append_json_string(text_, name);
  text_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  comma();
  append_json_string(text_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  comma();
  text_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  comma();
  text_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  comma();
  text_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  comma();
  text_ += Node(number).dump();
  return *this;
}

JsonWriter& JsonWriter::value(const Json& document) {
  comma();
  text_ += document.text();
  return *this;
}

JsonWriter& JsonWriter::number(std::string_view decimal) {
  comma();
  text_ += decimal;
  return *this;
}

JsonWriter& JsonWriter::null() {
  comma();
  text_ += "null";
  return *this;
}

}  // namespace weir
