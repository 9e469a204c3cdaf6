#include "oci/ecr_host.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostRegion = 64;
constexpr std::size_t kAccountDigits = 12;

// The domains of the partitions, each by how its regions begin.
struct Partition {
  std::string_view region_prefix, domain;
};
constexpr Partition kPartitions[] = {
    {"cn-", "amazonaws.com.cn"}, {"us-isob-", "sc2s.sgov.gov"},  {"us-isof-", "csp.hci.ic.gov"},
    {"us-iso-", "c2s.ic.gov"},   {"eu-isoe-", "cloud.adc-e.uk"}, {"eusc-", "amazonaws.eu"},
};
constexpr std::string_view kUsualDomain = "amazonaws.com";

// What a registry's name ends with under dual stack, and what its API's does.
struct DualStack {
  std::string_view registry, api;
};
constexpr DualStack kDualStack[] = {
    {"on.aws", "api.aws"},
    {"on.amazonwebservices.com.cn", "api.amazonwebservices.com.cn"},
    {"on.amazonwebservices.eu", "api.amazonwebservices.eu"},
};

bool is_domain(std::string_view domain) {
  return domain == kUsualDomain || std::any_of(std::begin(kPartitions), std::end(kPartitions),
                                               [&](const Partition& partition) { return partition.domain == domain; });
}

// Takes what stands before the next dot off `text`.
std::string_view take_label(std::string_view& text) {
  const auto dot = text.find('.');
  const auto label = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return label;
}

bool is_account(std::string_view text) {
  return text.size() == kAccountDigits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::optional<EcrHost> EcrHost::parse(std::string_view host) {
  if (host == "public.ecr.aws") return EcrHost{true, "", "us-east-1", "api.ecr-public.us-east-1.amazonaws.com"};
  if (host == "ecr-public.aws.com") return EcrHost{true, "", "us-east-1", "ecr-public.us-east-1.api.aws"};
  auto rest = host;
  EcrHost found;
  found.account = take_label(rest);
  if (!is_account(found.account)) return std::nullopt;
  auto service = take_label(rest);
  const bool one_label = service == "dkr-ecr" || service == "dkr-ecr-fips";
  if (one_label) service.remove_prefix(sizeof "dkr-" - 1);
  else if (service == "dkr") service = take_label(rest);
  if (service != "ecr" && service != "ecr-fips") return std::nullopt;
  found.region = take_label(rest);
  if (!valid_aws_region(found.region)) return std::nullopt;
  const std::string where = '.' + found.region + '.';
  if (one_label) {
    for (const auto& names : kDualStack) {
      if (rest == names.registry) found.api_host = std::string(service) + where + std::string(names.api);
    }
  } else if (is_domain(rest)) {
    found.api_host = (service == "ecr" ? "api.ecr" : "ecr-fips") + where + std::string(rest);
  }
  if (found.api_host.empty()) return std::nullopt;
  return found;
}

bool valid_aws_region(std::string_view text) {
  return !text.empty() && text.size() <= kMostRegion && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string_view aws_domain(std::string_view region) {
  for (const auto& partition : kPartitions) {
    if (region.starts_with(partition.region_prefix)) return partition.domain;
  }
  return kUsualDomain;
}

}  // namespace weir
