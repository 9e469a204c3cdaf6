#include "oci/errors.h"

#include "base/json.h"

namespace weir {
namespace {

struct Row {
  std::string_view name;
  int status;
  std::string_view message;
};

constexpr Row kRows[] = {
#define ERROR(code, status, message) {#code, status, message},
#include "oci/errors.tbl"
#undef ERROR
};

const Row& row(ErrorCode code) { return kRows[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view error_code_name(ErrorCode code) noexcept { return row(code).name; }
int default_status(ErrorCode code) noexcept { return row(code).status; }

std::string error_body(ErrorCode code, std::string_view detail) {
  JsonWriter json;
  json.object().key("errors").array().object();
  const bool told = code == ErrorCode::DENIED && !detail.empty();
  json.member("code", row(code).name).member("message", told ? detail : row(code).message);
  if (!detail.empty()) json.member("detail", detail);
  json.end().end().end();
  return json.take() + "\n";
}

}  // namespace weir
