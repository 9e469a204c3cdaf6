#pragma once
// The door to nlohmann-json: documents read (Json) and text written (JsonWriter).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// A view of a parsed document; copies share it. Every question about the wrong kind of value answers "nothing".
class Json {
 public:
  // Nesting over `depth` or malformed text is an Error; duplicate keys keep the last.
  static Result<Json> parse(std::string_view text, unsigned depth = 64);

  bool is_object() const;
  bool is_array() const;
  bool has(std::string_view key) const;
  std::optional<Json> at(std::string_view key) const;  // a member of an object
  std::vector<Json> items() const;                     // the elements of an array, else none
  std::vector<std::string> keys() const;               // the names of an object's members, else none
  std::optional<std::string> string() const;
  std::optional<std::int64_t> integer() const;
  std::optional<double> number() const;  // whole or not, as `1.7E9`
  std::optional<bool> boolean() const;
  std::optional<std::string> string_at(std::string_view key) const;
  std::optional<std::int64_t> integer_at(std::string_view key) const;
  // This value as text again: the same meaning, not the same bytes.
  std::string text() const;

 private:
  struct Document;
  Json(std::shared_ptr<const Document> document, const void* node) : document_(std::move(document)), node_(node) {}
  std::shared_ptr<const Document> document_;
  const void* node_;
};

// `"text"` with everything escaped that must be; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Writes one document front to back into a string.
//   JsonWriter json; json.object(); json.key("a"); json.value("x"); json.end(); json.take()
class JsonWriter {
 public:
  JsonWriter& object() { return open('{', '}'); }
  JsonWriter& array() { return open('[', ']'); }
  JsonWriter& end();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(unsigned number) { return value(static_cast<std::uint64_t>(number)); }
  JsonWriter& null();
  // A decimal number, digit by digit. REQUIRES: it is one, as JSON writes them.
  JsonWriter& number(std::string_view decimal);
  JsonWriter& value(const Json& document);
  template <typename T>
  JsonWriter& member(std::string_view name, T&& what) {
    return key(name).value(std::forward<T>(what));
  }

  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char begin, char closing);
  void comma();
  std::string text_;
  std::string closing_;   // the brackets that are open, innermost last
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace weir
