#pragma once
// One short question to a service of Amazon's, and its whole answer.

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "proxy/upstream/transport.h"

namespace weir {

struct AwsAnswer {
  int status = 0;
  std::string body;  // at most 64 KiB
};

// Any status is an answer. Error: the transfer's; too_large.
Task<Result<AwsAnswer>> ask_aws(Transport& transport, TransferRequest request);

// What an answer without the thing asked for comes to: throttled for 429, refused with the status for all else; it may be tried
// again where the status says 5xx. `what` begins the sentence.
Error aws_refusal(std::string what, int status);

}  // namespace weir
