#include "cache/scrub_report.h"

#include "base/text.h"

namespace weir {

std::string scrub_json(const Scrub::State& state) {
  JsonWriter json;
  json.object().member("running", state.running).member("whole", state.whole).member("blobs", state.looked);
  json.member("hashed", state.hashed).member("bytes", state.bytes).member("rotten", state.rotten);
  json.member("unreadable", state.unreadable).member("began", state.began).member("ended", state.ended).end();
  return json.take();
}

std::string scrub_sentence(const Json& state) {
  const auto figure = [&state](const char* name) { return state.integer_at(name).value_or(0); };
  const auto found = std::to_string(figure("blobs")) + " blobs looked at, " + std::to_string(figure("hashed")) + " hashed, " +
                     std::to_string(figure("bytes")) + " bytes read, " + std::to_string(figure("rotten")) + " rotten, " +
                     std::to_string(figure("unreadable")) + " unreadable";
  if (state.at("running") && state.at("running")->boolean().value_or(false)) return "under way: " + found;
  if (figure("ended") == 0) return "there was no scrub yet";
  return found + ", ended " + rfc3339(figure("ended") * 1000);
}

}  // namespace weir
