#include "base/json.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace weir {

using Node = nlohmann::json;

struct Json::Document {
  Node root;
};

namespace {
const Node& as_node(const void* node) { return *static_cast<const Node*>(node); }

// nlohmann builds the tree by recursion-free parsing but destroys it recursively, so depth is bounded before.
bool deeper_than(std::string_view text, unsigned most) {
  unsigned depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}
}  // namespace

Result<Json> Json::parse(std::string_view text, unsigned depth) {
  if (deeper_than(text, depth)) return Error{Failure::invalid, Side::client, false, "JSON is nested too deeply"};
  // To the parser a NUL is the end; to us it is no JSON.
  if (text.find('\0') != std::string_view::npos) return Error{Failure::invalid, Side::client, false, "not valid JSON"};
  Node root = Node::parse(text.begin(), text.end(), nullptr, false);
  if (root.is_discarded()) return Error{Failure::invalid, Side::client, false, "not valid JSON"};
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
