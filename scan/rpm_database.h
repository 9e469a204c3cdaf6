#pragma once
// The three formats in which rpm keeps its database, read from bytes: Berkeley DB's hash (`Packages`), ndb (`Packages.db`) and
// sqlite (`rpmdb.sqlite`); the wrapper of sqlite3. The format is taken from the bytes, not from the name.
// Thread: any. Error: corrupt; unsupported, it is none of the three; too_large.

#include <functional>
#include <optional>
#include <span>

#include "base/result.h"

namespace weir {

enum class RpmFormat { berkeley_db, ndb, sqlite };
std::optional<RpmFormat> rpm_format(std::span<const std::byte> head);

// Calls `visit` for the header blob of each package, until it says false.
using RpmVisit = std::function<bool(std::span<const std::byte> header)>;
Status each_rpm_header(std::span<const std::byte> database, const RpmVisit& visit);

// Lets sqlite read what it reads once, for a process that may open no file later.
void prepare_rpm_databases();

// The formats one by one.
Status each_header_in_berkeley_db(std::span<const std::byte> database, const RpmVisit& visit);
Status each_header_in_ndb(std::span<const std::byte> database, const RpmVisit& visit);
// What a write-ahead log beside the file holds is not seen.
Status each_header_in_sqlite(std::span<const std::byte> database, const RpmVisit& visit);

}  // namespace weir
