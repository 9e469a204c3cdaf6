// Answers of the Security Token Service, and the documents of containers and instances.

#include "proxy/upstream/aws_sts.h"
#include "proxy/upstream/xml_answer.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  for (const char* action : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
    const auto credentials = parse_sts_credentials(text, action);
    if (!credentials) continue;
    expect(XmlAnswer::parse(text).ok(), "credentials come from well-formed XML");
    expect(well_formed(*credentials) && credentials->expires_at && !credentials->session_token.empty(),
           "all four parts are there");
  }
  expect(parse_sts_error(text).size() <= 64, "a code is short");
  if (const auto credentials = parse_credentials_document(text)) expect(well_formed(*credentials), "a key fits into a header");
  return 0;
}
