#include <fcntl.h>
#include <unistd.h>

#include <future>
#include <stdexcept>

#include "oci/media_type.h"
#include "tests/bench/store/steps.h"

namespace bench {
namespace {

constexpr std::uint64_t kBatch = 10'000;
constexpr weir::WallSeconds kDay = 24 * 60 * 60;

void need(const weir::Status& status) {
  if (!status) throw std::runtime_error(status.error().what);
}

void make_folders(const weir::Layout& layout) {
  weir::RealFileSystem disk;
  need(disk.make_directories(layout.index()));
  for (int first = 0; first < 256; ++first) {
    const std::string raw(32, static_cast<char>(first));
    need(disk.make_directories(layout.blob_folder(weir::Digest::from_raw(weir::HashAlgorithm::sha256, raw))));
  }
}

void write_files(const weir::Layout& layout, std::uint64_t count) {
  for (std::uint64_t number = 0; number < count; ++number) {
    const auto path = layout.blob(Population::digest(number));
    const weir::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const auto content = Population::content(number);
    if (file.get() < 0 || ::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
      throw std::runtime_error("cannot write " + path);
  }
}

weir::Manifest manifest_of(std::uint64_t number) {
  weir::Manifest manifest;
  manifest.media_type = weir::media_type::kOciManifest;
  const auto own = number - number % Population::kImage;
  for (auto child = own < Population::kImage ? own : own - Population::kImage; child < number; ++child) {
    if (child >= own || Population::shared(child)) manifest.blobs.push_back({"", Population::digest(child), Population::kSize});
  }
  return manifest;
}

weir::Status put(weir::IndexWriter& writer, const Population& blobs, std::uint64_t number) {
  const auto digest = Population::digest(number);
  // A day old, so that a use of it counts.
  const auto then = writer.now() - kDay;
  const weir::BlobRecord record{.size = Population::kSize, .stored_at = then, .last_used = then, .verified_at = then};
  if (auto status = writer.put_blob(digest, record); !status) return status;
  if (blobs.used(number)) {
    if (auto status = writer.use_blob(weir::records::digest_key(digest)); !status) return status;
  }
  const weir::Link link{.size = Population::kSize};
  if (auto status = writer.link(blobs.repository(number), digest, link); !status) return status;
  if (Population::shared(number)) {
    if (auto status = writer.link(blobs.other_repository(number), digest, link); !status) return status;
  }
  if (Population::manifest(number)) {
    const auto manifest = manifest_of(number);
    if (auto status = writer.put_manifest(blobs.repository(number).text(), digest, manifest); !status) return status;
  }
  if (!blobs.tagged(number)) return weir::ok_status();
  return writer.put_tag(blobs.repository(number).text(), Population::tag(number), {digest, then});
}

void write_records(const weir::Layout& layout, std::uint64_t count) {
  const Population blobs(count);
  const weir::SystemClock clock;
  auto index = weir::Index::open(clock, {.directory = layout.index(), .durable = false});
  if (!index) throw std::runtime_error(index.error().what);
  for (std::uint64_t first = 0; first < count; first += kBatch) {
    need((*index)->commit_and_wait([&](weir::IndexWriter& writer) {
      auto status = weir::ok_status();
      for (auto number = first; status && number < std::min(first + kBatch, count); ++number) status = put(writer, blobs, number);
      return status;
    }));
  }
}

}  // namespace

void fill(const Settings& settings) {
  const weir::Layout layout(settings.folder);
  const auto began = weir::SystemClock().now();
  make_folders(layout);
  auto files = std::async(std::launch::async, [&] {
    if (settings.files) write_files(layout, settings.count);
    return seconds_since(began);
  });
  write_records(layout, settings.count);
  print("records", seconds_since(began));
  print("files", files.get());
  ::sync();
  print("fill", seconds_since(began));
  const OpenStore store(settings, 0);  // what a first start makes is there for the next
}

}  // namespace bench
