#include "tests/crash/recording.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "tests/support/file_descriptor.h"
#include "tests/support/temporary_directory.h"

namespace weir::testing {

std::string to_text(const Step& step) {
  const auto what = " of inode " + std::to_string(step.inode);
  switch (step.kind) {
    case StepKind::start: return "a program starts";
    case StepKind::create: return "create " + step.path;
    case StepKind::socket: return "bind " + step.path;
    case StepKind::directory: return "make directory " + step.path;
    case StepKind::write:
      return (step.synced ? "synced write" : "write") + what + ", " + std::to_string(step.bytes.size()) + " bytes at " +
             std::to_string(step.number);
    case StepKind::resize: return "resize" + what + " to " + std::to_string(step.number);
    case StepKind::sync: return "sync" + what;
    case StepKind::rename: return "rename " + step.path + " to " + step.other;
    case StepKind::link: return "link " + step.path + " to " + step.other;
    case StepKind::unlink: return "unlink " + step.path;
    case StepKind::remove_directory: return "remove directory " + step.path;
    case StepKind::note: return "note: " + step.path;
  }
  return "?";
}

std::vector<Step> read_recording(const std::string& log) {
  const auto text = read_file(log);
  std::vector<Step> steps;
  std::size_t at = 0;
  const auto take = [&](std::size_t size) {
    if (text.size() - at < size) throw std::runtime_error(log + " ends in the middle of a record");
    at += size;
    return std::string_view(text).substr(at - size, size);
  };
  while (at < text.size()) {
    RecordHead head;
    std::memcpy(static_cast<void*>(&head), take(sizeof head).data(), sizeof head);
    if (head.magic != RecordHead::kMagic) throw std::runtime_error(log + " is not a recording's log");
    Step step{.kind = head.kind, .inode = head.inode, .number = head.number, .synced = head.synced != 0};
    step.path = take(head.path_size);
    step.other = take(head.other_size);
    step.bytes = take(head.byte_count);
    steps.push_back(std::move(step));
  }
  return steps;
}

void append_note(const std::string& log, std::string_view text) {
  RecordHead head;
  head.path_size = text.size();
  std::string record(reinterpret_cast<const char*>(&head), sizeof head);
  record += text;
  const FileDescriptor fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (::write(fd.get(), record.data(), record.size()) != static_cast<ssize_t>(record.size())) {
    throw std::runtime_error(log + " cannot be appended to");
  }
}

}  // namespace weir::testing
