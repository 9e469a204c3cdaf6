// Users files.

#include "proxy/auth/users_file.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = UsersFile::parse(as_text(data, size));
  if (!file) {
    expect(file.error().what.starts_with("line "), "what is wrong comes with its line");
    return 0;
  }
  const auto users = file->users();
  for (const auto& user : users) {
    expect(valid_user_name(user.name), "every name is one");
    expect(check_hash(user.hash) == nullptr, "every hash is one");
  }
  const auto text = file->text();
  expect(text == as_text(data, size) || text == std::string(as_text(data, size)) + '\n',
         "nothing is lost but that the last line ends");
  if (users.empty()) return 0;
  expect(file->set(users[0].name, users[0].hash), "who is there is replaced");
  expect(file->users().size() == users.size(), "and not added");
  expect(file->remove(users[0].name) && file->users().size() == users.size() - 1, "who is removed is gone");
  const auto again = UsersFile::parse(file->text());
  expect(again.ok() && again->users().size() == users.size() - 1, "a file that was changed is good");
  return 0;
}
