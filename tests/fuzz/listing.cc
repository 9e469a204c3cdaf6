// Tag lists and referrers of upstreams. The first line is the artifact type that is asked for, the rest the bytes.

#include "base/json.h"
#include "oci/reference.h"
#include "proxy/listing_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto body = as_text(data, size);
  const auto type = take_line(body);
  if (const auto list = read_tag_list(body, "some/app")) {
    const auto json = Json::parse(*list);
    expect(json.ok() && json->string_at("name") == "some/app", "a tag list is written as JSON, under the name asked for");
    for (const auto& tag : json->at("tags")->items())
      expect(tag.string() && Tag::parse(*tag.string()).ok(), "and holds tags alone");
  } else {
    expect(list.error().side == Side::upstream && !list.error().what.empty(), "a bad list is the upstream's fault");
  }
  const auto all = read_referrers(std::string(body), "");
  const auto some = read_referrers(std::string(body), type);
  expect(all.ok() == some.ok(), "whether referrers are some does not hang on the type");
  if (!all) return 0;
  expect(*all == body, "all of them are passed on as they came");
  const auto json = Json::parse(*some);
  expect(json.ok() && json->at("manifests") && json->at("manifests")->is_array(), "some of them are an index");
  if (type.empty()) return 0;
  for (const auto& one : json->at("manifests")->items()) {
    expect(one.string_at("artifactType") == std::string(type), "of the type asked for");
    expect(Digest::parse(one.string_at("digest").value_or("")).ok(), "each with its digest");
  }
  return 0;
}
