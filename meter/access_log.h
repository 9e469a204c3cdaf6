#pragma once
// One line for each request that was answered.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "meter/outcome.h"

namespace weir {

struct AccessRecord {
  std::string identity = "anonymous";
  std::string client;             // address and port
  std::string_view method;
  std::string_view route;         // the endpoint's name
  std::string repository;         // canonical; empty where there is none
  std::string reference;          // tag or digest as asked for
  std::string_view user_agent;
  Outcome outcome = Outcome::error;
  int status = 0;
  std::uint64_t bytes = 0;        // of the body, really written
  std::int64_t first_byte_us = 0; // from the end of the head to the first byte of the answer
  std::int64_t upstream_us = 0;   // of that, spent waiting for an upstream
  std::int64_t duration_us = 0;
  bool complete = true;           // false: the answer was cut short
  std::string_view error;         // one sentence where something went wrong
};

void write_access_line(Log& log, const AccessRecord& record);

}  // namespace weir
