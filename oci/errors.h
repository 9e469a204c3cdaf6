#pragma once
// The error answers of the distribution API (distribution-spec, "Error Codes").

#include <string>
#include <string_view>

namespace weir {

enum class ErrorCode {
#define ERROR(code, status, message) code,
#include "oci/errors.tbl"
#undef ERROR
};

std::string_view error_code_name(ErrorCode code) noexcept;
int default_status(ErrorCode code) noexcept;

// {"errors":[{"code":…,"message":…,"detail":…}]}; detail is left out when empty. Of a refusal it is the message too,
// for podman, skopeo and Docker Engine show nothing else.
std::string error_body(ErrorCode code, std::string_view detail);

}  // namespace weir
