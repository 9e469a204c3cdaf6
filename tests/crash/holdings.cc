#include "tests/crash/holdings.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "cache/blob_store.h"
#include "meter/ledger.h"

namespace weir::testing {

namespace {

namespace fs = std::filesystem;
using Complaints = std::vector<std::string>;

void check_blob(BlobStore& store, const Digest& digest, const BlobRecord& record, Complaints& complaints) {
  const auto path = store.layout().blob(digest);
  const auto file = store.disk().open(path, FileSystem::Mode::read);
  if (!file) return complaints.push_back("blob " + digest.text() + " has a record and no file");
  std::string bytes(record.size + 1, '\0');
  const auto count = store.disk().read_at(file->get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!count || *count != record.size) {
    return complaints.push_back("blob " + digest.text() + " has not the " + std::to_string(record.size) + " bytes of its record");
  }
  bytes.resize(*count);
  if (Digest::of(digest.algorithm(), bytes) != digest) complaints.push_back("blob " + digest.text() + " has wrong bytes");
}

void check_sums(const Index& index, const Index::Totals& walked, Complaints& complaints) {
  const auto said = index.totals();
  const auto compare = [&](const std::string& what, std::uint64_t sum, std::uint64_t found) {
    if (sum == found) return;
    complaints.push_back("the index says " + std::to_string(sum) + ' ' + what + ", a walk finds " + std::to_string(found));
  };
  compare("blobs", said.blobs, walked.blobs);
  compare("bytes", said.blob_bytes, walked.blob_bytes);
  compare("bytes of room", said.room, walked.room);
  compare("links", said.links, walked.links);
  compare("tags", said.tags, walked.tags);
}

void check_files(const BlobStore& store, const std::set<std::string>& recorded, Complaints& complaints) {
  const auto& layout = store.layout();
  for (const auto& entry : fs::recursive_directory_iterator(layout.directory())) {
    const auto path = entry.path().string();
    if (entry.is_directory()) continue;
    if (path == layout.lock() || path == layout.admin_socket() || path.starts_with(layout.index() + '/')) continue;
    if (path.starts_with(layout.partials() + '/')) {
      if (!Layout::partial_digest(entry.path().filename().string())) complaints.push_back(path + " was left in partial/");
    } else if (path == layout.ballast() || path.starts_with(layout.usage() + '/')) {
      continue;
    } else if (!path.starts_with(layout.directory() + "/blobs/")) {
      complaints.push_back(path + " has no business there");
    } else if (!recorded.contains(path)) {
      complaints.push_back(path + " has no record");
    }
  }
}

// A crash may have left no ledger; what is there is one.
void check_ledger(const Layout& layout, Complaints& complaints) {
  const auto folder = layout.usage() + "/ledger";
  if (!fs::exists(folder)) return;
  if (const auto ledger = Ledger::open({.directory = folder}); !ledger)
    complaints.push_back("the ledger does not open: " + ledger.error().what);
}

}  // namespace

std::optional<Holdings> look_into(const std::string& folder, Complaints& complaints) {
  static const SystemClock clock;
  static DiskPool pool(1);
  RealFileSystem disk(folder);
  // Nothing is to go while we look.
  const auto opened = BlobStore::open(clock, disk, pool, {.directory = folder, .capacity = {.bytes = 16 << 20}, .reserve = {}});
  if (!opened) {
    complaints.push_back("the store does not open: " + opened.error().what);
    return std::nullopt;
  }
  BlobStore& store = **opened;
  const Index& index = store.index();
  Holdings holdings;
  Index::Totals walked;
  std::set<std::string> recorded;
  index.each_blob([&](const Digest& digest, const BlobRecord& record) {
    holdings.things["blob " + digest.text()] = std::to_string(record.size);
    recorded.insert(store.layout().blob(digest));
    walked.blobs += 1;
    walked.blob_bytes += record.size;
    walked.room += room_of(record.size);
    check_blob(store, digest, record, complaints);
  });
  index.each_link("", [&](std::string_view repository, const Digest& digest, const Link&) {
    holdings.things["link " + std::string(repository) + ' ' + digest.text()];
    walked.links += 1;
    if (std::ranges::count(index.repositories_of(digest), repository) != 1) {
      complaints.push_back(digest.text() + " does not know that " + std::string(repository) + " is linked to it");
    }
  });
  index.each_tag("", [&](std::string_view repository, std::string_view tag, const TagRecord& record) {
    holdings.things["tag " + std::string(repository) + ' ' + std::string(tag)] = record.digest.text();
    walked.tags += 1;
  });
  check_sums(index, walked, complaints);
  check_files(store, recorded, complaints);
  check_ledger(store.layout(), complaints);
  return holdings;
}

}  // namespace weir::testing
