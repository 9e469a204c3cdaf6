#pragma once
// The kinds of value a key may take: each reads a text into one field of an Options struct and shows the field again.
//
// Lifetime: a ConfigValue refers to the field it was made for, which must stay where it is.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/options.h"
#include "proxy/http/options.h"

namespace weir {

struct ConfigValue {
  std::string type;         // as help writes it: `DURATION`
  bool repeatable = false;  // may be given on several lines, and several words on one
  // Reads one line into the field; `again`: adds to what the line before it gave. On an error the field is untouched.
  std::function<Status(std::string_view text, bool again)> read;
  // The field as a text that read() takes; empty when nothing is set.
  std::function<std::string()> show;
};

// A whole number from `least` to `most`.
ConfigValue count(unsigned& field, unsigned least, unsigned most);
// Bytes, with or without a unit, at least `least`.
ConfigValue size(std::uint64_t& field, std::uint64_t least = 0);
// Bytes, or from 1 % to 100 % of something.
ConfigValue share(Share& field);
// Bytes a second, with or without `/s`; 0 stands for never.
ConfigValue rate(std::uint64_t& field);
// At least `least` and at most ten years, so that a deadline never overflows.
ConfigValue duration(Milliseconds& field, Milliseconds least);
ConfigValue duration(std::optional<Milliseconds>& field, Milliseconds least);
// Also the word `off`: nothing.
ConfigValue duration_or_off(std::optional<Milliseconds>& field);
// on or off; yes, no, true, false, 1 and 0 are understood.
ConfigValue on_off(bool& field);

// One of a few words, each with what it means; of several that mean the same the first is shown.
template <typename T>
ConfigValue one_of(T& field, std::vector<std::pair<std::string, T>> words);

ConfigValue url(std::string& field);
// The name of an AWS region.
ConfigValue aws_region(std::string& field);
ConfigValue file_name(std::string& field);
// A code of ISO 4217.
ConfigValue currency(std::string& field);
// One line of printable text.
ConfigValue plain_text(std::string& field);
// A file that can be read now.
ConfigValue readable_file(std::string& field);
// A file that can be read now, or a URL.
ConfigValue file_or_url(std::string& field);
// Who somebody is, in one word; also the word `off`.
ConfigValue identity_or_off(std::string& field);
// What can be read now: a file, a credential that systemd handed over (`credential:NAME`, a file in $CREDENTIALS_DIRECTORY), or a
// variable of the environment (`env:NAME`). Its first line goes into `secret`, which is never shown.
ConfigValue password_file(std::string& field, std::string& secret);
// A file that can be read now and holds a PEM certificate.
ConfigValue certificate_file(std::string& field);
// A file that can be read now and holds a PEM private key.
ConfigValue key_file(std::string& field);

// The lists; a word given twice is an error, but for a key.
ConfigValue addresses(std::vector<std::string>& field);
// Also the word `off`, alone: an empty list.
ConfigValue addresses_or_off(std::vector<std::string>& field);
// Files as certificate_file() and key_file() take them; one key may serve several certificates.
ConfigValue certificate_files(std::vector<std::string>& field);
ConfigValue key_files(std::vector<std::string>& field);
// Networks and addresses, or `unix`.
ConfigValue proxies(TrustedProxies& field);
ConfigValue urls(std::vector<std::string>& field);
ConfigValue namespaces(std::vector<std::string>& field);
ConfigValue hosts(std::vector<std::string>& field);
// Repositories, tags and digests, as Pattern has them.
ConfigValue patterns(std::vector<std::string>& field);

// ---- one_of, for every type of field ------------------------------------------------------------

// `"x" is not one of a, b, c`
Error not_one_of(std::string_view text, const std::vector<std::string>& words);

template <typename T>
ConfigValue one_of(T& field, std::vector<std::pair<std::string, T>> words) {
  ConfigValue value;
  for (const auto& word : words) value.type += (value.type.empty() ? "" : "|") + word.first;
  value.read = [&field, words](std::string_view text, bool) -> Status {
    std::vector<std::string> names;
    for (const auto& [name, meaning] : words) {
      names.push_back(name);
      if (name != text) continue;
      field = meaning;
      return ok_status();
    }
    return not_one_of(text, names);
  };
  value.show = [&field, words]() -> std::string {
    for (const auto& [name, meaning] : words) {
      if (meaning == field) return name;
    }
    return {};
  };
  return value;
}

}  // namespace weir
