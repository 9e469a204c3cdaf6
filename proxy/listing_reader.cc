#include "proxy/listing_reader.h"

#include "base/json.h"
#include "oci/digest.h"
#include "oci/media_type.h"
#include "oci/reference.h"

namespace weir {
namespace {

constexpr JsonLimits kListLimits{.depth = 64, .values = 1 << 19, .string = 1 << 20};

Error wrong_list(std::string what) { return Error{Failure::corrupt, Side::upstream, false, "the upstream's " + std::move(what)}; }

// The elements of one list in the document's outermost object. A derived reader gets each with its events.
class ListReader : public JsonEvents {
 public:
  explicit ListReader(std::string_view member) : member_(member) {}
  bool is_object = false;
  bool has_list = false;

  bool null() final {
    return scalar([](ListReader& self) { return self.element_other(); });
  }
  bool boolean(bool value) final {
    return scalar([value](ListReader& self) { return self.element_boolean(value); });
  }
  bool integer(std::int64_t value) final {
    return scalar([value](ListReader& self) { return self.element_integer(value); });
  }
  bool number(double value) final {
    return scalar([value](ListReader& self) { return self.element_number(value); });
  }
  bool string(std::string_view value) final {
    return scalar([value](ListReader& self) { return self.element_string(value); });
  }
  bool key(std::string_view name) final {
    if (depth_ == 1) ours_ = name == member_;
    return !inside() || element_key(name);
  }
  bool begin_object() final {
    if (depth_ == 0) is_object = true;
    return open(false);
  }
  bool begin_array() final { return open(true); }
  bool end_object() final { return close(); }
  bool end_array() final { return close(); }

 protected:
  // Levels below the list: 0 for an element itself.
  unsigned level() const { return depth_ - 2; }
  virtual bool begin_list() = 0;
  virtual bool element_other() = 0;  // null
  virtual bool element_boolean(bool) = 0;
  virtual bool element_integer(std::int64_t) = 0;
  virtual bool element_number(double) = 0;
  virtual bool element_string(std::string_view) = 0;
  virtual bool element_begin(bool array) = 0;
  virtual bool element_key(std::string_view name) = 0;
  virtual bool element_end() = 0;

 private:
  bool inside() const { return in_list_ && depth_ >= 2; }
  template <typename Tell>
  bool scalar(Tell tell) {
    // Of two members of one name the last counts.
    if (depth_ == 1 && ours_) has_list = false;
    return !inside() || tell(*this);
  }
  bool open(bool array) {
    ++depth_;
    if (depth_ == 2 && ours_ && is_object) {
      in_list_ = has_list = array;
      return !array || begin_list();
    }
    if (!in_list_ || depth_ < 3) return true;
    --depth_;  // told as the element that begins on its list's level
    const bool on = element_begin(array);
    ++depth_;
    return on;
  }
  bool close() {
    --depth_;
    if (depth_ == 1) in_list_ = false;
    return !inside() || element_end();
  }

  const std::string_view member_;
  unsigned depth_ = 0;
  bool ours_ = false;     // the last member of the outermost object is ours
  bool in_list_ = false;
};

class TagReader final : public ListReader {
 public:
  TagReader(std::string_view name, std::size_t size) : ListReader("tags") {
    head_ = "{\"name\":";
    append_json_string(head_, name);
    head_ += ",\"tags\":[";
    text_.reserve(head_.size() + size);
    text_ = head_;
  }
  std::string take() {
    if (!has_list) text_ = head_;
    text_ += "]}\n";
    return std::move(text_);
  }

 private:
  bool begin_list() override {
    text_ = head_;
    return true;
  }
  bool element_string(std::string_view value) override {
    if (level() != 0 || !Tag::parse(value)) return true;
    if (text_.size() > head_.size()) text_ += ',';
    append_json_string(text_, value);
    return true;
  }
  bool element_other() override { return true; }
  bool element_boolean(bool) override { return true; }
  bool element_integer(std::int64_t) override { return true; }
  bool element_number(double) override { return true; }
  bool element_begin(bool) override { return true; }
  bool element_key(std::string_view) override { return true; }
  bool element_end() override { return true; }

  std::string head_, text_;
};

// Checks every descriptor, and writes those of a type where one is asked for.
class ReferrersReader final : public ListReader {
 public:
  explicit ReferrersReader(std::string_view artifact_type) : ListReader("manifests"), artifact_type_(artifact_type) {}
  bool bad = false;  // a descriptor has no digest

  std::string take() {
    return R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::kOciIndex) + R"(","manifests":[)" + written_ + "]}";
  }

 private:
  bool begin_list() override {
    written_.clear();
    bad = false;
    return true;
  }
  bool element_begin(bool array) override {
    if (level() == 0) {
      item_ = JsonWriter();
      has_digest_ = matches_ = false;
      if (array) bad = true;
    }
    not_a_string();
    if (array) item_.array();
    else item_.object();
    return true;
  }
  bool element_key(std::string_view name) override {
    if (level() == 1) key_ = name.substr(0, 32);
    item_.key(name);
    return true;
  }
  bool element_string(std::string_view value) override {
    if (level() == 0) return not_a_descriptor();
    if (level() == 1 && key_ == "digest") has_digest_ = Digest::parse(value).ok();
    if (level() == 1 && key_ == "artifactType") matches_ = value == artifact_type_;
    item_.value(value);
    return true;
  }
  bool element_other() override {
    return other([this] { item_.null(); });
  }
  bool element_boolean(bool value) override {
    return other([&] { item_.value(value); });
  }
  bool element_integer(std::int64_t value) override {
    return other([&] { item_.value(value); });
  }
  bool element_number(double value) override {
    return other([&] { item_.value(value); });
  }
  bool element_end() override {
    item_.end();
    if (level() != 0) return true;
    bad = bad || !has_digest_;
    auto text = item_.take();
    if (!matches_ || artifact_type_.empty()) return true;
    if (!written_.empty()) written_ += ',';
    written_ += text;
    return true;
  }
  bool not_a_descriptor() {
    bad = true;
    return true;
  }
  template <typename Write>
  bool other(Write write) {
    if (level() == 0) return not_a_descriptor();
    not_a_string();
    write();
    return true;
  }
  // The value of the last member of the descriptor, which replaces one of the same name before it.
  void not_a_string() {
    if (level() == 1 && key_ == "digest") has_digest_ = false;
    if (level() == 1 && key_ == "artifactType") matches_ = false;
  }

  const std::string_view artifact_type_;
  JsonWriter item_;     // the descriptor that is read
  std::string key_;     // its last member
  bool has_digest_ = false, matches_ = false;
  std::string written_;
};

// `what` is how the sentence begins; malformed text is not told apart further.
Status read_list(std::string_view body, ListReader& reader, const std::string& what, const char* no_json) {
  const auto status = read_json(body, reader, kListLimits);
  if (!status && status.error().what != "not valid JSON") return wrong_list(what + ": " + status.error().what);
  if (!status || !reader.is_object) return wrong_list(no_json);
  return ok_status();
}

}  // namespace

Result<std::string> read_tag_list(std::string_view body, std::string_view name) {
  TagReader reader(name, body.size());
  if (auto status = read_list(body, reader, "tag list", "tag list is not JSON"); !status) return std::move(status).error();
  return reader.take();
}

Result<std::string> read_referrers(std::string body, std::string_view artifact_type) {
  ReferrersReader reader(artifact_type);
  if (auto status = read_list(body, reader, "referrers", "referrers are not JSON"); !status) return std::move(status).error();
  if (!reader.has_list) return wrong_list("referrers are not an index");
  if (reader.bad) return wrong_list("referrers have a descriptor without a digest");
  if (artifact_type.empty()) return body;
  return reader.take();
}

}  // namespace weir
