#pragma once
// Everything the program can be told, each part's own options side by side. Only the wiring sees them together.

#include <vector>

#include "base/log.h"
#include "cache/options.h"
#include "meter/options.h"
#include "proxy/auth/options.h"
#include "policy/options.h"
#include "proxy/http/options.h"
#include "proxy/options.h"
#include "proxy/upstream/options.h"

namespace weir {

struct Options {
  HttpOptions http;
  AuthOptions auth;
  AdminOptions admin;
  CacheOptions cache;
  FreshnessOptions freshness;
  PolicyOptions policy;
  std::vector<UpstreamOptions> upstreams;  // in the order they were named
  MeterOptions meter;
  PriceOptions price;
  Log::Options log;
  bool access_log = true;  // a line for every request answered
};

}  // namespace weir
