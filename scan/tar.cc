#include "scan/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/text.h"
#include "scan/bytes.h"

namespace weir {
std::optional<std::string> clean_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return std::nullopt;
  std::string clean;
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (clean.empty()) return std::nullopt;
  return clean;
}

struct Tar::State {
  Inflate& source;
  ScanLimits limits;
  std::unique_ptr<archive, decltype(&archive_read_free)> reader{archive_read_new(), &archive_read_free};
  archive_entry* entry = nullptr;
  std::optional<Error> source_error;
  std::uint64_t entries = 0, skipped = 0, size = 0;
  bool opened = false;

  State(Inflate& own_source, const ScanLimits& own_limits) : source(own_source), limits(own_limits) {}

  Error failed() const {
    if (source_error) return *source_error;
    const char* text = archive_error_string(reader.get());
    return Error{Failure::corrupt, Side::upstream, false,
                 std::string("the tar is damaged: ") + (text ? text : "it ends in the middle")};
  }
  static la_ssize_t pull(archive* reader, void* self, const void** buffer) {
    auto& state = *static_cast<State*>(self);
    auto bytes = state.source.read();
    if (!bytes) {
      state.source_error = bytes.error();
      archive_set_error(reader, EIO, "%s", "the layer cannot be read");
      return -1;
    }
    *buffer = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }
  Status open();
};

Status Tar::State::open() {
  if (opened) return ok_status();
  opened = true;
  archive_read_support_filter_none(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_empty(reader.get());  // a layer without a byte is an empty layer
  // Names stay the bytes they are.
  archive_read_set_options(reader.get(), "tar:hdrcharset=BINARY");
  return archive_read_open(reader.get(), this, nullptr, &State::pull, nullptr) == ARCHIVE_OK ? ok_status() : Status(failed());
}

Tar::Tar(Inflate& source, const ScanLimits& limits) : state_(std::make_unique<State>(source, limits)) {}
Tar::~Tar() = default;

Result<std::optional<TarEntry>> Tar::next() {
  State& state = *state_;
  if (auto status = state.open(); !status) return std::move(status).error();
  for (;;) {
    const int code = archive_read_next_header(state.reader.get(), &state.entry);
    if (code == ARCHIVE_EOF) return std::optional<TarEntry>();
    if (code == ARCHIVE_RETRY || code == ARCHIVE_FATAL || code == ARCHIVE_FAILED) return state.failed();
    if (++state.entries > state.limits.entries) return limit_reached("tar entries");
    const char* name = archive_entry_pathname(state.entry);
    if (!name) name = archive_entry_pathname_utf8(state.entry);
    const auto path = name ? clean_path(name) : std::nullopt;
    const auto type = archive_entry_filetype(state.entry);
    if (!path || path->size() > state.limits.path_bytes) {
      // The root itself is a folder that every tool writes.
      if (path || type != AE_IFDIR) ++state.skipped;
      continue;
    }
    TarEntry entry;
    entry.path = *path;
    state.size = 0;
    if (const char* hard = archive_entry_hardlink(state.entry)) {
      const auto target = clean_path(hard);
      if (!target || target->size() > state.limits.path_bytes) {
        ++state.skipped;
        continue;
      }
      entry.kind = TarEntry::Kind::hard_link;
      entry.target = *target;
      return std::optional(std::move(entry));
    }
    switch (type) {
      case AE_IFREG: entry.kind = TarEntry::Kind::file; break;
      case AE_IFDIR: entry.kind = TarEntry::Kind::folder; break;
      case AE_IFLNK: entry.kind = TarEntry::Kind::symbolic_link; break;
      default: entry.kind = TarEntry::Kind::other; break;
    }
    if (entry.kind == TarEntry::Kind::symbolic_link) {
      const char* target = archive_entry_symlink(state.entry);
      if (!target || std::string_view(target).size() > state.limits.path_bytes) {
        ++state.skipped;
        continue;
      }
      entry.target = target;
    }
    if (entry.kind == TarEntry::Kind::file) {
      entry.size = state.size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(state.entry)));
      entry.executable = (archive_entry_perm(state.entry) & 0111) != 0;
    }
    return std::optional(std::move(entry));
  }
}

Status Tar::content(const std::function<bool(std::span<const std::byte>)>& take) {
  static const std::vector<std::byte> kZeros(64 << 10);
  State& state = *state_;
  std::uint64_t done = 0;
  const auto zeros_until = [&](std::uint64_t offset) {
    while (done < offset) {
      const auto count = std::min<std::uint64_t>(kZeros.size(), offset - done);
      done += count;
      if (!take(std::span(kZeros).first(count))) return false;
    }
    return true;
  };
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(state.reader.get(), &block, &size, &offset);
    if (code == ARCHIVE_EOF) {
      (void)zeros_until(state.size);
      return ok_status();
    }
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return state.failed();
    if (!zeros_until(static_cast<std::uint64_t>(std::max<la_int64_t>(0, offset)))) return ok_status();
    done += size;
    if (size > 0 && !take(std::span(static_cast<const std::byte*>(block), size))) return ok_status();
  }
}

Result<std::string> Tar::text(std::uint64_t most) {
  if (state_->size > most) return limit_reached("size of a file");
  std::string text;
  auto status = content([&](std::span<const std::byte> piece) {
    text.append(reinterpret_cast<const char*>(piece.data()), std::min<std::uint64_t>(piece.size(), most - text.size()));
    return text.size() < most;
  });
  if (!status) return std::move(status).error();
  return text;
}

std::uint64_t Tar::skipped() const noexcept { return state_->skipped; }

}  // namespace weir
