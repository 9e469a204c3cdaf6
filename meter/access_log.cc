#include "meter/access_log.h"

namespace weir {

void write_access_line(Log& log, const AccessRecord& record) {
  log.write(LogLevel::info, "access",
            {{"identity", record.identity},
             {"client", record.client},
             {"method", record.method},
             {"route", record.route},
             {"repository", record.repository},
             {"reference", record.reference},
             {"outcome", outcome_name(record.outcome)},
             {"status", record.status},
             {"bytes", record.bytes},
             {"first_byte_us", record.first_byte_us},
             {"upstream_us", record.upstream_us},
             {"duration_us", record.duration_us},
             {"complete", record.complete ? "yes" : "no"},
             {"user_agent", record.user_agent.substr(0, 128)},
             {"error", record.error}});
}

}  // namespace weir
