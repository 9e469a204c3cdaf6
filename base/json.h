#pragma once
// The door to nlohmann-json: documents read as a tree (Json) or as a stream of events (read_json), and text written
// (JsonWriter).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// Limits for one document. They are checked on the text before the parser allocates anything for it.
struct JsonLimits {
  unsigned depth = 64;
  std::size_t values = 100'000;     // values in all: elements, members, and the document itself
  std::size_t string = 1 << 20;     // bytes of one string or member name as it is written, without its quotes
  static constexpr std::size_t kMostNumber = 1000;  // characters of one number
};

// A view of a parsed document; copies share it. Every question about the wrong kind of value answers "nothing".
// The tree takes up to 100 times the bytes of the text: use read_json() for text over 64 KiB that others wrote.
class Json {
 public:
  // Malformed text, or text beyond the limits, is an Error (invalid, side client); duplicate keys keep the last.
  static Result<Json> parse(std::string_view text, const JsonLimits& limits);
  static Result<Json> parse(std::string_view text, unsigned depth = 64) { return parse(text, JsonLimits{.depth = depth}); }

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

// Receives a document from front to back. Strings and keys have their escapes decoded and are valid during the call only.
// Each call returns whether to go on.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual bool null() = 0;
  virtual bool boolean(bool value) = 0;
  virtual bool integer(std::int64_t value) = 0;
  virtual bool number(double value) = 0;  // not whole, or a whole one beyond 64 bits with a sign
  virtual bool string(std::string_view value) = 0;
  virtual bool begin_object() = 0;
  virtual bool key(std::string_view name) = 0;
  virtual bool end_object() = 0;
  virtual bool begin_array() = 0;
  virtual bool end_array() = 0;
};

// Parses `text` without a tree: memory for the longest string, not for the document. Errors (side client): invalid for
// malformed text and text beyond the limits; `cancelled` when an event returned false. Events before an error were delivered.
// Takes about 10 ms for each MiB: run it on a pool for text over 256 KiB.
Status read_json(std::string_view text, JsonEvents& events, const JsonLimits& limits = {});

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
  JsonWriter& value(double number);
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
