#include "meter/usage.h"

#include <algorithm>

namespace weir {

// outcome, direction, lengths (identity, team, upstream of one byte, repository of two), then the texts.
void encode_series(const UsageKey& key, std::string& out) {
  const auto identity = key.identity.substr(0, kMostIdentityBytes), team = key.team.substr(0, kMostTeamBytes);
  const auto repository = key.repository.substr(0, kMostRepositoryBytes), upstream = key.upstream.substr(0, kMostUpstreamBytes);
  out.clear();
  out += static_cast<char>(key.outcome);
  out += static_cast<char>(key.direction);
  for (const auto text : {identity, team, upstream}) out += static_cast<char>(text.size());
  out += static_cast<char>(repository.size() >> 8);
  out += static_cast<char>(repository.size() & 0xff);
  out.append(identity).append(team).append(upstream).append(repository);
}

bool decode_series(std::string_view bytes, UsageKey& key) {
  constexpr std::size_t kLengths = 7;
  if (bytes.size() < kLengths) return false;
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
  if (byte(0) >= kOutcomeNames.size() || byte(1) >= kDirectionNames.size()) return false;
  key.outcome = static_cast<Outcome>(byte(0));
  key.direction = static_cast<Direction>(byte(1));
  const std::size_t sizes[] = {byte(2), byte(3), byte(4), byte(5) << 8 | byte(6)};
  std::string_view* const texts[] = {&key.identity, &key.team, &key.upstream, &key.repository};
  std::size_t at = kLengths;
  for (std::size_t i = 0; i < 4; ++i) {
    if (bytes.size() - at < sizes[i]) return false;
    *texts[i] = bytes.substr(at, sizes[i]);
    at += sizes[i];
  }
  return at == bytes.size();
}

}  // namespace weir
