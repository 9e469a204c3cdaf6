#include "cache/rebuild.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "cache/blob_store.h"

namespace weir {
namespace {

constexpr std::size_t kBatch = 1000;
constexpr unsigned kSalvageSeconds = 3600;

// Collects writes and commits them by the thousand.
class Batches {
 public:
  explicit Batches(Index& index) : index_(index) {}
  Status add(Index::Mutation mutation) {
    waiting_.push_back(std::move(mutation));
    return waiting_.size() < kBatch ? ok_status() : flush();
  }
  Status flush() {
    const auto now = std::exchange(waiting_, {});
    return index_.commit_and_wait([&now](IndexWriter& writer) -> Status {
      for (const auto& mutation : now) {
        if (auto status = mutation(writer); !status) return status;
      }
      return ok_status();
    });
  }

 private:
  Index& index_;
  std::vector<Index::Mutation> waiting_;
};

Status first_of(Status a, Status b) { return a ? std::move(b) : std::move(a); }

// Pins, when manifests were first seen, tags, links: where reading ends early, the dearest are there.
Status copy_names(const Index& from, Index& to) {
  Batches batches(to);
  auto status = ok_status();
  from.each_pin([&](std::string_view pattern, WallSeconds since) {
    status = first_of(std::move(status), batches.add([pattern = std::string(pattern), since](IndexWriter& writer) {
      return writer.put_pin(pattern, since);
    }));
  });
  from.each_seen([&](const Digest& digest, const SeenRecord& record) {
    status = first_of(std::move(status),
                      batches.add([digest, record](IndexWriter& writer) { return writer.put_seen(digest, record); }));
  });
  if (!from.meta("quarantine").empty()) {
    status = first_of(std::move(status), batches.add([](IndexWriter& writer) { return writer.put_meta("quarantine", "1"); }));
  }
  from.each_tag("", [&](std::string_view repository, std::string_view tag, const TagRecord& record) {
    status = first_of(std::move(status), batches.add([repository = std::string(repository), tag = std::string(tag), record](
                                                         IndexWriter& writer) { return writer.put_tag(repository, tag, record); }));
  });
  from.each_link("", [&](std::string_view repository, const Digest& digest, const Link& link) {
    status = first_of(std::move(status), batches.add([repository = std::string(repository), digest, link](IndexWriter& writer) {
      return writer.link(repository, digest, link);
    }));
  });
  return first_of(std::move(status), batches.flush());
}

enum class Salvaged { all, partly, unreadable, failed };
constexpr int kUnreadable = 1, kFailed = 2, kPartly = 3;  // how the process ends

// In a process of its own: reading a damaged index may end it in any way.
Salvaged salvage(const Clock& clock, const std::string& from, const std::string& to) {
  const pid_t child = ::fork();
  if (child < 0) return Salvaged::failed;
  if (child == 0) {
    ::alarm(kSalvageSeconds);
    int code = 0;
    {
      const auto old_index = Index::open(clock, {.directory = from, .read_only = true});
      if (!old_index) {
        const auto failure = old_index.error().failure;
        code = failure == Failure::corrupt || failure == Failure::not_found ? kUnreadable : kFailed;
      } else {
        const auto new_index = Index::open(clock, {.directory = to});
        const bool copied = new_index && copy_names(**old_index, **new_index);
        // What a damaged one says may be nothing that can be written.
        if (new_index && (*old_index)->damaged()) code = copied ? kPartly : kUnreadable;
        else if (!copied) code = kFailed;
      }
    }
    ::_exit(code);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Salvaged::failed;
  }
  // What it had copied when the reading ended it is there, by the thousand.
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? Salvaged::failed : Salvaged::partly;
  switch (WEXITSTATUS(status)) {
    case 0: return Salvaged::all;
    case kPartly: return Salvaged::partly;
    case kUnreadable: return Salvaged::unreadable;
    default: return Salvaged::failed;
  }
}

Status remove_files(FileSystem& disk, const std::string& folder) {
  auto entries = disk.list(folder);
  if (!entries) return entries.error().failure == Failure::not_found ? ok_status() : Status(std::move(entries).error());
  for (const auto& entry : *entries) {
    if (auto status = disk.remove(Layout::in(folder, entry.name)); !status) return status;
  }
  return ok_status();
}

class Walk {
 public:
  Walk(FileSystem& disk, const Layout& layout, Index& index, const std::function<void(std::uint64_t)>& progress)
      : disk_(disk), layout_(layout), batches_(index), progress_(progress) {}

  Result<Rebuilt> run() {
    for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
      for (unsigned i = 0; i < 256; ++i) {
        if (auto status = folder(algorithm, i); !status) return std::move(status).error();
        progress_(result_.blobs);
      }
    }
    if (auto status = batches_.flush(); !status) return std::move(status).error();
    return result_;
  }

 private:
  Status folder(HashAlgorithm algorithm, unsigned number) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const std::string name{kHex[number / 16], kHex[number % 16]};
    auto entries = disk_.list(Layout::in(layout_.blobs(algorithm), name));
    if (!entries) return entries.error().failure == Failure::not_found ? ok_status() : Status(std::move(entries).error());
    for (const auto& entry : *entries) {
      const auto digest = Layout::blob_digest(algorithm, entry.name);
      if (!digest || !entry.name.starts_with(name)) {
        ++result_.strange;
        continue;
      }
      ++result_.blobs;
      result_.bytes += entry.size;
      const BlobRecord record{.size = entry.size, .stored_at = entry.modified, .last_used = entry.modified};
      auto status = batches_.add([digest = *digest, record](IndexWriter& writer) { return writer.put_blob(digest, record); });
      if (!status) return status;
    }
    return ok_status();
  }

  FileSystem& disk_;
  const Layout& layout_;
  Batches batches_;
  const std::function<void(std::uint64_t)>& progress_;
  Rebuilt result_;
};

}  // namespace

Result<Rebuilt> rebuild_index(const Clock& clock, FileSystem& disk, const CacheOptions& options,
                              const std::function<void(std::uint64_t)>& progress) {
  const Layout layout(options.directory);
  const auto lock = lock_store(disk, layout);
  if (!lock) return lock.error();
  const auto fresh = layout.new_index();
  for (const auto& folder : {layout.index(), fresh}) {
    if (auto status = disk.make_directories(folder); !status) return std::move(status).error();
  }
  if (auto status = remove_files(disk, fresh); !status) return std::move(status).error();
  const auto found = salvage(clock, layout.index(), fresh);
  if (found == Salvaged::failed) {
    return Error{
        Failure::io, Side::local, true,
        "the old index can be read and its links, tags and pins could not be taken over: is there room for a second one, and is "
        "it of this version? Nothing was changed"};
  }
  if (found == Salvaged::unreadable) {
    if (auto status = remove_files(disk, fresh); !status) return std::move(status).error();
  }
  Result<Rebuilt> result = Rebuilt{};
  {
    const auto index = Index::open(clock, {.directory = fresh});
    if (!index) return index.error();
    result = Walk(disk, layout, **index, progress).run();
    if (!result) return result;
    result->salvaged = found != Salvaged::unreadable;
    result->damaged = found == Salvaged::partly;
    result->links = (*index)->totals().links;
    result->tags = (*index)->totals().tags;
  }
  // What could not be read is kept for a person to look at.
  if (found != Salvaged::all && disk.open(layout.index_file(), FileSystem::Mode::read)) {
    if (auto status = disk.rename(layout.index_file(), layout.old_index_file()); !status) return std::move(status).error();
  }
  // One rename puts the new one in the place of the old.
  if (auto status = disk.rename(layout.new_index_file(), layout.index_file()); !status) return std::move(status).error();
  if (auto status = disk.sync_directory(layout.index()); !status) return std::move(status).error();
  if (auto status = disk.remove(layout.index_lock()); !status) return std::move(status).error();
  if (auto status = remove_files(disk, fresh); !status) return std::move(status).error();
  return result;
}

}  // namespace weir
