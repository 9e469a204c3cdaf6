#include "proxy/upstream/aws_container.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/file_system.h"
#include "base/text.h"
#include "proxy/upstream/aws_exchange.h"
#include "proxy/upstream/url.h"

namespace weir {
namespace {

constexpr char kTaskAgent[] = "http://169.254.170.2";
constexpr std::size_t kMostAuthorization = 16 << 10;
constexpr auto kContainerPatience = Milliseconds(5000);

bool same_v6(const std::string& text, const char* other) {
  in6_addr a{}, b{};
  return ::inet_pton(AF_INET6, text.c_str(), &a) == 1 && ::inet_pton(AF_INET6, other, &b) == 1 &&
         std::memcmp(&a, &b, sizeof a) == 0;
}

// This machine, the agent of an ECS task, the agent of EKS Pod Identity.
bool may_be_plain(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return ntohl(v4.s_addr) >> 24 == 127 || host == "169.254.170.2" || host == "169.254.170.23";
  return host == "localhost" || same_v6(host, "::1") || same_v6(host, "fd00:ec2::23");
}

// The value of an Authorization header; no line may end in it.
bool fits_header(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

Result<std::optional<std::string>> container_credentials_url(const AwsEnvironment& environment) {
  if (const auto relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !relative.empty()) {
    const auto url = Url::parse(kTaskAgent + relative);
    if (!relative.starts_with('/') || !url) return aws_trouble("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path");
    return std::optional(url->text());
  }
  const auto full = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (full.empty()) return std::optional<std::string>();
  const auto url = Url::parse(full);
  if (!url) return aws_trouble("AWS_CONTAINER_CREDENTIALS_FULL_URI is no http or https URL");
  if (!url->tls && !may_be_plain(url->host))
    return aws_trouble("AWS_CONTAINER_CREDENTIALS_FULL_URI leads over http to " + url->host +
                       ", which is neither this machine nor an agent of ECS or EKS");
  return std::optional(url->text());
}

Task<Result<AwsCredentials>> container_credentials(UpstreamContext context, AwsEnvironment environment, std::string url) {
  TransferRequest request;
  request.url = std::move(url);
  request.allow_private = true;  // the environment of the program names it
  request.first_byte_timeout = kContainerPatience;
  request.headers.push_back("Accept: application/json");
  std::string authorization = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const auto file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
    auto text = co_await context.pool.run(context.transport.loop(), [&] { return read_small_file(file, kMostAuthorization); });
    if (!text) co_return aws_trouble("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: " + text.error().what);
    authorization = *std::move(text);
    while (authorization.ends_with('\n') || authorization.ends_with('\r')) authorization.pop_back();
  }
  if (!authorization.empty()) {
    if (!fits_header(authorization)) co_return aws_trouble("the container's authorization token is no header's value");
    request.headers.push_back("Authorization: " + authorization);
  }
  auto answer = co_await ask_aws(context.transport, std::move(request));
  if (!answer) co_return std::move(answer).error();
  if (answer->status != 200)
    co_return aws_refusal("the container's credentials were answered with " + std::to_string(answer->status), answer->status);
  co_return parse_credentials_document(answer->body);
}

}  // namespace weir
