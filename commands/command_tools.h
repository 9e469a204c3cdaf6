#pragma once
// What the commands share that look into the store or change it: complaints, the question to a running server, names as
// people write them.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "cache/index.h"
#include "commands/admin_client.h"
#include "conf/options.h"
#include "oci/reference.h"

namespace weir {

// Says it on standard error; the exit code for it.
int complain(const Error& error);
void print(const std::string& text);

// The index beside a running server. Error: not_found when there is no store.
Result<std::unique_ptr<Index>> open_for_reading(const Clock& clock, const Options& options);

// Who is root becomes the store's owner for good, so that nothing in it is left to root. Before the store is opened for
// writing. The options from then on: where its owner cannot come to the directory, that is ".". Error: io.
Result<Options> act_as_owner(Options options);

// What a person writes, in the canonical form that the index knows: `alpine:3` becomes `docker.io/library/alpine`, `3`.
Result<WrittenReference> canonical(const Clock& clock, const Options& options, const std::string& text);

// The server's answer to a change, or, without `json`, to a question; nothing when no server runs.
Result<std::optional<AdminAnswer>> ask_server(const Options& options, const std::string& path, const std::string& json);

// Prints the answer, as JSON or as a sentence made of it; the exit code.
int show_answer(const AdminAnswer& answer, bool json, const std::function<std::string(const Json&)>& sentence);

}  // namespace weir
