#include "conf/values.h"

#include <algorithm>
#include <cstdlib>

#include "base/file_system.h"
#include "base/spelling.h"
#include "base/text.h"
#include "conf/address.h"
#include "oci/ecr_host.h"
#include "oci/name.h"
#include "oci/pattern.h"

namespace weir {
namespace {

constexpr Milliseconds kMostDuration = std::chrono::hours(24 * 3650);
constexpr std::size_t kMostCertificateBytes = 4 << 20;
constexpr std::size_t kMostPasswordBytes = 4096;
constexpr std::size_t kMostReadableBytes = 16 << 20;

Error wrong(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

Result<Milliseconds> read_duration(std::string_view text, Milliseconds least) {
  const auto duration = parse_duration(text);
  if (!duration) return wrong(quoted(text) + " is not a duration, such as 250ms, 30s, 5m, 2h or 7d");
  if (*duration < least) return wrong(quoted(text) + " is too short; at least " + show_duration(least));
  if (*duration > kMostDuration) return wrong(quoted(text) + " is too long; at most " + show_duration(kMostDuration));
  return *duration;
}

// Words, each taken by `accept`, which answers how it is kept.
ConfigValue list(std::vector<std::string>& field, std::string type,
                 std::function<Result<std::string>(std::string_view word)> accept, bool may_repeat = false) {
  ConfigValue value;
  value.type = std::move(type);
  value.repeatable = true;
  value.read = [&field, accept = std::move(accept), may_repeat](std::string_view text, bool again) -> Status {
    auto kept = again ? field : std::vector<std::string>();
    for (const auto word : words(text)) {
      auto accepted = accept(word);
      if (!accepted) return accepted.error();
      if (!may_repeat && std::find(kept.begin(), kept.end(), *accepted) != kept.end())
        return wrong(quoted(word) + " is listed twice");
      kept.push_back(std::move(*accepted));
    }
    if (kept.empty()) return wrong("no word in the list");
    field = std::move(kept);
    return ok_status();
  };
  value.show = [&field] { return joined(field, " "); };
  return value;
}

Result<std::string> accept_address(std::string_view word) {
  if (!valid_listen_address(word))
    return wrong(quoted(word) + " is not an address to listen on, such as 127.0.0.1:5000, [::1]:5000 or *:5000");
  return std::string(word);
}

Result<std::string> accept_namespace(std::string_view word) {
  if (!valid_namespace(word))
    return wrong(quoted(word) + " is not a namespace, such as docker.io or registry.local:5000, in lower case");
  return std::string(word);
}

Result<std::string> accept_host(std::string_view word) {
  if (!valid_host_and_port(word))
    return wrong(quoted(word) + " is not a host, such as auth.example.com, 10.0.0.7:5001 or [fd00::7]");
  return to_lower(word);
}

Result<std::string> accept_pem(std::string_view file, std::string_view mark, const std::string& what) {
  const auto pem = read_small_file(std::string(file), kMostCertificateBytes);
  if (!pem) return pem.error();
  if (pem->find(mark) == std::string::npos) return wrong(quoted(file) + " holds no PEM " + what);
  return std::string(file);
}

// By what the PEM says of its contents.
Result<std::string> accept_certificate(std::string_view file) { return accept_pem(file, "CERTIFICATE-----", "certificate"); }
Result<std::string> accept_key(std::string_view file) { return accept_pem(file, "PRIVATE KEY-----", "private key"); }

ConfigValue pem_file(std::string& field, Result<std::string> (*accept)(std::string_view file)) {
  ConfigValue value = file_name(field);
  value.read = [&field, accept](std::string_view text, bool) -> Status {
    auto accepted = accept(text);
    if (!accepted) return accepted.error();
    field = *std::move(accepted);
    return ok_status();
  };
  return value;
}

// systemd.exec(5), "Credentials".
Result<std::string> read_credential(std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos || name == "." || name == "..")
    return wrong(quoted(name) + " is not the name of a systemd credential");
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (!directory || !*directory)
    return wrong("the credential " + quoted(name) + " is not there: only systemd hands credentials over, by LoadCredential=");
  return read_small_file(std::string(directory) + '/' + std::string(name), kMostPasswordBytes);
}

Result<std::string> read_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (!value) return wrong("the environment has no variable " + quoted(name));
  if (std::string_view(value).size() > kMostPasswordBytes)
    return wrong("the variable " + quoted(name) + " is no password: too long");
  return std::string(value);
}

Result<std::string> read_secret(std::string_view text) {
  constexpr std::string_view kCredential = "credential:", kVariable = "env:";
  if (text.starts_with(kCredential)) return read_credential(text.substr(kCredential.size()));
  if (text.starts_with(kVariable)) return read_variable(text.substr(kVariable.size()));
  return read_small_file(std::string(text), kMostPasswordBytes);
}

}  // namespace

Error not_one_of(std::string_view text, const std::vector<std::string>& words) {
  return wrong(quoted(text) + " is not one of " + joined(words));
}

ConfigValue count(unsigned& field, unsigned least, unsigned most) {
  ConfigValue value;
  value.type = "NUMBER";
  value.read = [&field, least, most](std::string_view text, bool) -> Status {
    const auto number = parse_number(text);
    if (!number || *number < least || *number > most) {
      return wrong(quoted(text) + " is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    field = static_cast<unsigned>(*number);
    return ok_status();
  };
  value.show = [&field] { return std::to_string(field); };
  return value;
}

ConfigValue size(std::uint64_t& field, std::uint64_t least) {
  ConfigValue value;
  value.type = "SIZE";
  value.read = [&field, least](std::string_view text, bool) -> Status {
    const auto bytes = parse_size(text);
    if (!bytes) return wrong(quoted(text) + " is not a size below 16777216 TiB, such as 512MiB, 100GB or 2TiB");
    if (*bytes < least) return wrong(quoted(text) + " is less than " + show_size(least));
    field = *bytes;
    return ok_status();
  };
  value.show = [&field] { return show_size(field); };
  return value;
}

ConfigValue share(Share& field) {
  ConfigValue value;
  value.type = "SIZE|PERCENT";
  value.read = [&field](std::string_view text, bool) -> Status {
    if (text.ends_with('%')) {
      const auto number = words(text.substr(0, text.size() - 1));
      const auto percent = number.size() == 1 ? parse_number(number[0]) : std::nullopt;
      if (!percent || *percent < 1 || *percent > 100) return wrong(quoted(text) + " is not a share from 1% to 100%");
      field = Share{.percent = static_cast<unsigned>(*percent)};
      return ok_status();
    }
    const auto bytes = parse_size(text);
    if (!bytes) return wrong(quoted(text) + " is neither a size, such as 200GB or 1TiB, nor a share, such as 80%");
    field = Share{.bytes = *bytes};
    return ok_status();
  };
  value.show = [&field] { return field.percent > 0 ? std::to_string(field.percent) + "%" : show_size(field.bytes); };
  return value;
}

ConfigValue rate(std::uint64_t& field) {
  ConfigValue value;
  value.type = "SIZE/s";
  value.read = [&field](std::string_view text, bool) -> Status {
    const auto bytes = parse_size(text.ends_with("/s") ? text.substr(0, text.size() - 2) : text);
    if (!bytes) return wrong(quoted(text) + " is not a rate, such as 20MiB/s or 100MB/s");
    field = *bytes;
    return ok_status();
  };
  value.show = [&field] { return show_size(field) + (field > 0 ? "/s" : ""); };
  return value;
}

ConfigValue duration(Milliseconds& field, Milliseconds least) {
  ConfigValue value;
  value.type = "DURATION";
  value.read = [&field, least](std::string_view text, bool) -> Status {
    const auto read = read_duration(text, least);
    if (!read) return read.error();
    field = *read;
    return ok_status();
  };
  value.show = [&field] { return show_duration(field); };
  return value;
}

ConfigValue duration(std::optional<Milliseconds>& field, Milliseconds least) {
  ConfigValue value;
  value.type = "DURATION";
  value.read = [&field, least](std::string_view text, bool) -> Status {
    const auto read = read_duration(text, least);
    if (!read) return read.error();
    field = *read;
    return ok_status();
  };
  value.show = [&field] { return field ? show_duration(*field) : std::string(); };
  return value;
}

ConfigValue duration_or_off(std::optional<Milliseconds>& field) {
  ConfigValue value = duration(field, Milliseconds(0));
  value.type = "DURATION|off";
  value.read = [&field, read = value.read](std::string_view text, bool again) -> Status {
    if (text != "off") return read(text, again);
    field.reset();
    return ok_status();
  };
  value.show = [&field] { return field ? show_duration(*field) : std::string("off"); };
  return value;
}

ConfigValue on_off(bool& field) {
  static const std::vector<std::string> kOn{"on", "yes", "true", "1"}, kOff{"off", "no", "false", "0"};
  ConfigValue value;
  value.type = "on|off";
  value.read = [&field](std::string_view text, bool) -> Status {
    const bool on = std::find(kOn.begin(), kOn.end(), text) != kOn.end();
    if (!on && std::find(kOff.begin(), kOff.end(), text) == kOff.end()) return not_one_of(text, {"on", "off"});
    field = on;
    return ok_status();
  };
  value.show = [&field]() -> std::string { return field ? "on" : "off"; };
  return value;
}

ConfigValue url(std::string& field) {
  ConfigValue value;
  value.type = "URL";
  value.read = [&field](std::string_view text, bool) -> Status {
    auto read = parse_upstream_url(text);
    if (!read) return read.error();
    field = std::move(*read);
    return ok_status();
  };
  value.show = [&field] { return field; };
  return value;
}

ConfigValue aws_region(std::string& field) {
  ConfigValue value;
  value.type = "REGION";
  value.read = [&field](std::string_view text, bool) -> Status {
    if (!valid_aws_region(text)) return wrong(quoted(text) + " is not a region, such as eu-west-1");
    field = text;
    return ok_status();
  };
  value.show = [&field] { return field; };
  return value;
}

ConfigValue file_name(std::string& field) {
  ConfigValue value;
  value.type = "FILE";
  value.read = [&field](std::string_view text, bool) -> Status {
    field = text;
    return ok_status();
  };
  value.show = [&field] { return field; };
  return value;
}

ConfigValue currency(std::string& field) {
  ConfigValue value = file_name(field);
  value.type = "CODE";
  value.read = [&field](std::string_view text, bool) -> Status {
    const bool capitals = std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (text.size() != 3 || !capitals) return wrong(quoted(text) + " is not the code of a currency, such as USD or EUR");
    field = text;
    return ok_status();
  };
  return value;
}

ConfigValue plain_text(std::string& field) {
  ConfigValue value = file_name(field);
  value.type = "TEXT";
  return value;
}

ConfigValue password_file(std::string& field, std::string& secret) {
  ConfigValue value = file_name(field);
  value.type = "FILE|credential:NAME|env:NAME";
  value.read = [&field, &secret](std::string_view text, bool) -> Status {
    const auto contents = read_secret(text);
    if (!contents) return contents.error();
    const auto line = contents->substr(0, contents->find_first_of("\r\n"));
    if (line.empty()) return wrong(quoted(text) + " has no password on its first line");
    field = text;
    secret = line;
    return ok_status();
  };
  return value;
}

ConfigValue readable_file(std::string& field) {
  ConfigValue value = file_name(field);
  value.read = [&field](std::string_view text, bool) -> Status {
    const auto contents = read_small_file(std::string(text), kMostReadableBytes);
    if (!contents) return contents.error();
    field = text;
    return ok_status();
  };
  return value;
}

ConfigValue file_or_url(std::string& field) {
  ConfigValue value = readable_file(field);
  value.type = "FILE|URL";
  value.read = [as_file = value.read, as_url = url(field).read](std::string_view text, bool again) {
    return text.find("://") == std::string_view::npos ? as_file(text, again) : as_url(text, again);
  };
  return value;
}

ConfigValue identity_or_off(std::string& field) {
  ConfigValue value = plain_text(field);
  value.type = "NAME|off";
  value.read = [&field](std::string_view text, bool) -> Status {
    if (words(text).size() != 1 || text.size() > 255) return wrong(quoted(text) + " is not a name in one word");
    field = text;
    return ok_status();
  };
  return value;
}

ConfigValue certificate_file(std::string& field) { return pem_file(field, accept_certificate); }
ConfigValue key_file(std::string& field) { return pem_file(field, accept_key); }

ConfigValue addresses(std::vector<std::string>& field) { return list(field, "ADDRESS:PORT", accept_address); }

ConfigValue addresses_or_off(std::vector<std::string>& field) {
  ConfigValue value = addresses(field);
  value.type += "|off";
  value.read = [&field, read = value.read](std::string_view text, bool again) -> Status {
    if (again && (text == "off" || field.empty())) return wrong("off stands alone, beside no address");
    if (text != "off") return read(text, again);
    field.clear();
    return ok_status();
  };
  value.show = [&field] { return field.empty() ? "off" : joined(field, " "); };
  return value;
}

ConfigValue certificate_files(std::vector<std::string>& field) { return list(field, "FILE", accept_certificate); }
ConfigValue key_files(std::vector<std::string>& field) { return list(field, "FILE", accept_key, true); }

ConfigValue proxies(TrustedProxies& field) {
  ConfigValue value;
  value.type = "NETWORK|unix";
  value.repeatable = true;
  value.read = [&field](std::string_view text, bool again) -> Status {
    auto kept = again ? field.words() : std::vector<std::string>();
    for (const auto word : words(text)) {
      if (std::find(kept.begin(), kept.end(), word) != kept.end()) return wrong(quoted(word) + " is listed twice");
      kept.emplace_back(word);
    }
    if (kept.empty()) return wrong("no word in the list");
    auto parsed = TrustedProxies::parse(kept);
    if (!parsed) return parsed.error();
    field = *std::move(parsed);
    return ok_status();
  };
  value.show = [&field] { return joined(field.words(), " "); };
  return value;
}

ConfigValue urls(std::vector<std::string>& field) { return list(field, "URL", parse_upstream_url); }
ConfigValue namespaces(std::vector<std::string>& field) { return list(field, "NAMESPACE", accept_namespace); }
ConfigValue hosts(std::vector<std::string>& field) { return list(field, "HOST", accept_host); }

ConfigValue patterns(std::vector<std::string>& field) {
  return list(field, "PATTERN", [](std::string_view word) -> Result<std::string> {
    auto pattern = Pattern::parse(word);
    if (!pattern) return wrong(pattern.error().what);
    return std::string(word);
  });
}

}  // namespace weir
