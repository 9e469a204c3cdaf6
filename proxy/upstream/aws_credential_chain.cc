#include "proxy/upstream/aws_credential_chain.h"

#include "base/file_system.h"
#include "base/text.h"
#include "oci/ecr_host.h"
#include "proxy/upstream/aws_container.h"
#include "proxy/upstream/aws_metadata.h"
#include "proxy/upstream/aws_sts.h"

namespace weir {
namespace {

constexpr std::size_t kMostProfileBytes = 1 << 20;
constexpr std::size_t kMostTokenFileBytes = 16 << 10;

using Kind = AwsSource::Kind;

AwsSource source_of(Kind kind) {
  AwsSource source;
  source.kind = kind;
  return source;
}

StsEndpoint sts_at(const std::string& url, const std::string& region, TransferRequest transfer) {
  const std::string usual = "https://sts." + region + '.' + std::string(aws_domain(region)) + '/';
  transfer.url = url.empty() ? usual : url;
  return {std::move(transfer), region};
}

// A file that is not there says nothing.
Result<std::string> read_optional(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = read_small_file(file, kMostProfileBytes);
  if (!text && text.error().failure == Failure::not_found) return std::string();
  return text;
}

}  // namespace

Task<Result<AwsCredentials>> AwsCredentialChain::find(UpstreamContext context) const {
  auto place = co_await look(context);
  if (!place) co_return std::move(place).error();
  auto credentials = co_await base_credentials(context, *place);
  for (const auto& role : place->source.roles) {
    if (!credentials) break;
    credentials = co_await assume_role(context.transport, sts_at(sts_url_, place->region, transfer_), role, *credentials);
  }
  co_return credentials;
}

Task<Result<AwsCredentialChain::Place>> AwsCredentialChain::look(UpstreamContext context) const {
  Place place{{}, environment_.region()};
  const auto fall_back = [&] {
    if (place.region.empty()) place.region = region_;
  };
  auto own = from_environment();
  if (!own || own->kind != Kind::nothing) {
    if (!own) co_return std::move(own).error();
    place.source = *std::move(own);
    fall_back();
    co_return place;
  }
  auto profiles = co_await read_files(context);
  if (!profiles) co_return std::move(profiles).error();
  const auto named = environment_.profile();
  const std::string name = named.empty() ? "default" : named;
  if (const auto profile = profiles->find(name); profile != profiles->end()) {
    const auto region = profile->second.find("region");
    if (place.region.empty() && region != profile->second.end() && valid_aws_region(region->second))
      place.region = region->second;
  }
  fall_back();
  if (!named.empty() || profiles->contains(name)) {
    auto found = find_in_profiles(*profiles, name);
    if (!found) co_return std::move(found).error();
    place.source = *std::move(found);
  }
  if (!place.source.roles.empty() || place.source.kind == Kind::web_identity) co_return place;
  if (const auto file = environment_.get("AWS_WEB_IDENTITY_TOKEN_FILE"); !file.empty()) {
    const auto session = environment_.get("AWS_ROLE_SESSION_NAME");
    place.source = source_of(Kind::web_identity);
    place.source.token_file = file;
    place.source.web_identity = {environment_.get("AWS_ROLE_ARN"), session.empty() ? "weir" : session, "", 0};
    if (place.source.web_identity.arn.empty())
      co_return aws_trouble("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
  } else if (place.source.kind == Kind::nothing) {
    const auto container = container_credentials_url(environment_);
    if (!container) co_return container.error();
    place.source = source_of(container->has_value() ? Kind::container : Kind::instance);
  }
  co_return place;
}

Result<AwsSource> AwsCredentialChain::from_environment() const {
  AwsCredentials keys{environment_.get("AWS_ACCESS_KEY_ID"), environment_.get("AWS_SECRET_ACCESS_KEY"),
                      environment_.get("AWS_SESSION_TOKEN"), std::nullopt};
  if (keys.key_id.empty() && keys.secret.empty()) return AwsSource{};
  if (!well_formed(keys))
    return aws_trouble("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY make no key: one is missing, or holds what no key does");
  auto source = source_of(Kind::keys);
  source.keys = std::move(keys);
  return source;
}

Task<Result<AwsProfiles>> AwsCredentialChain::read_files(UpstreamContext context) const {
  auto read = co_await context.pool.run(context.transport.loop(), [this]() -> Result<AwsProfiles> {
    const auto config = read_optional(environment_.config_file());
    if (!config) return aws_trouble("the AWS configuration cannot be read: " + config.error().what);
    const auto credentials = read_optional(environment_.credentials_file());
    if (!credentials) return aws_trouble("the AWS credentials cannot be read: " + credentials.error().what);
    return parse_aws_profiles(*config, *credentials);
  });
  co_return read;
}

Task<Result<AwsCredentials>> AwsCredentialChain::base_credentials(UpstreamContext context, const Place& place) const {
  switch (place.source.kind) {
    case Kind::keys: co_return place.source.keys;
    case Kind::web_identity: {
      auto credentials = co_await with_web_identity(context, place);
      co_return credentials;
    }
    case Kind::environment: {
      const auto own = from_environment();
      if (own && own->kind == Kind::keys) co_return own->keys;
      co_return own ? aws_trouble("a role's credential_source is Environment, which has no key") : own.error();
    }
    case Kind::container: {
      const auto url = container_credentials_url(environment_);
      if (!url) co_return url.error();
      if (!*url) co_return aws_trouble("a role's credential_source is EcsContainer, and no variable says where that is");
      auto credentials = co_await container_credentials(context, environment_, **url);
      co_return credentials;
    }
    case Kind::nothing:
    case Kind::instance: break;
  }
  if (environment_.is_true("AWS_EC2_METADATA_DISABLED"))
    co_return aws_trouble(
        "no AWS credentials were found in the environment, the shared files or a container, and "
        "AWS_EC2_METADATA_DISABLED is set");
  auto url = metadata_url(environment_);
  if (!url) co_return std::move(url).error();
  auto credentials = co_await metadata_credentials(context.transport, *std::move(url));
  co_return credentials;
}

Task<Result<AwsCredentials>> AwsCredentialChain::with_web_identity(UpstreamContext context, const Place& place) const {
  const auto& file = place.source.token_file;
  auto token = co_await context.pool.run(context.transport.loop(), [&] { return read_small_file(file, kMostTokenFileBytes); });
  if (!token) co_return aws_trouble("the web identity token cannot be read: " + token.error().what);
  while (token->ends_with('\n') || token->ends_with('\r')) token->pop_back();
  if (token->empty()) co_return aws_trouble("the web identity token is empty: " + file);
  auto credentials = co_await assume_role_with_web_identity(context.transport, sts_at(sts_url_, place.region, transfer_),
                                                            place.source.web_identity, *std::move(token));
  co_return credentials;
}

}  // namespace weir
