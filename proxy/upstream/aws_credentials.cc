#include "proxy/upstream/aws_credentials.h"

#include <algorithm>
#include <ctime>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostTokenBytes = 16 << 10;
constexpr std::size_t kMostCodeBytes = 64;

bool printable(std::string_view text) {
  return text.size() <= kMostTokenBytes && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Error no_credentials(std::string what) {
  return Error{Failure::corrupt, Side::upstream, true, "the answer with AWS credentials " + std::move(what)};
}

}  // namespace

bool well_formed(const AwsCredentials& credentials) {
  return !credentials.key_id.empty() && !credentials.secret.empty() && printable(credentials.key_id) &&
         printable(credentials.secret) && printable(credentials.session_token);
}

std::optional<WallSeconds> parse_aws_time(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kForm.size() || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto fraction = text.substr(kForm.size(), text.size() - kForm.size() - 1);
  if (!fraction.empty() &&
      (fraction[0] != '.' || fraction.size() < 2 || fraction.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) { return static_cast<int>(*parse_number(text.substr(at, size))); };
  std::tm utc{};
  utc.tm_year = number(0, 4) - 1900;
  utc.tm_mon = number(5, 2) - 1;
  utc.tm_mday = number(8, 2);
  utc.tm_hour = number(11, 2);
  utc.tm_min = number(14, 2);
  utc.tm_sec = number(17, 2);
  const std::tm said = utc;
  const auto seconds = ::timegm(&utc);
  // A day that the calendar does not have becomes another one; a leap second may.
  const bool real = utc.tm_mon == said.tm_mon && utc.tm_mday == said.tm_mday && said.tm_hour < 24 && said.tm_min < 60;
  if (said.tm_sec < 60 ? !real : said.tm_sec > 60) return std::nullopt;
  return seconds;
}

Result<AwsCredentials> parse_credentials_document(std::string_view json) {
  const auto document = Json::parse(json, kAwsLimits);
  if (!document || !document->is_object()) return no_credentials("is no JSON");
  const auto code = document->string_at("Code").value_or("Success");
  if (code != "Success") return aws_trouble("no AWS credentials were given: " + shown_code(code));
  AwsCredentials credentials;
  credentials.key_id = document->string_at("AccessKeyId").value_or("");
  credentials.secret = document->string_at("SecretAccessKey").value_or("");
  credentials.session_token = document->string_at("Token").value_or("");
  if (!well_formed(credentials)) return no_credentials("holds no key");
  if (const auto expiration = document->string_at("Expiration")) {
    credentials.expires_at = parse_aws_time(*expiration);
    if (!credentials.expires_at) return no_credentials("expires at no known time");
  }
  return credentials;
}

Error aws_trouble(std::string what) { return Error{Failure::refused, Side::upstream, false, std::move(what)}; }

std::string shown_code(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kMostCodeBytes)) shown += letter_or_digit(c) || c == '.' || c == '-' ? c : '?';
  return shown.empty() ? "without a code" : shown;
}

}  // namespace weir
