// Layers made in memory: tars, packed in every way that registries serve, and their inventories.
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "scan/analyser.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

namespace weir::testing {

// A tar in the ustar form (POSIX.1-1988); names of up to 100 bytes.
class TarText {
 public:
  TarText& file(std::string_view path, std::string_view content, unsigned mode = 0644) {
    head(path, '0', content.size(), mode, "");
    text_ += content;
    pad();
    return *this;
  }
  TarText& folder(std::string_view path) { return head(path, '5', 0, 0755, ""); }
  TarText& link(std::string_view path, std::string_view target) { return head(path, '2', 0, 0777, target); }
  TarText& hard_link(std::string_view path, std::string_view target) { return head(path, '1', 0, 0644, target); }
  TarText& head(std::string_view path, char type, std::uint64_t size, unsigned mode, std::string_view target) {
    char block[512] = {};
    std::snprintf(block, 100, "%.*s", static_cast<int>(path.size()), path.data());
    std::snprintf(block + 100, 8, "%07o", mode);
    std::snprintf(block + 108, 8, "%07o", 0u);
    std::snprintf(block + 116, 8, "%07o", 0u);
    std::snprintf(block + 124, 12, "%011llo", static_cast<unsigned long long>(size));
    std::snprintf(block + 136, 12, "%011o", 0u);
    std::memset(block + 148, ' ', 8);
    block[156] = type;
    std::snprintf(block + 157, 100, "%.*s", static_cast<int>(target.size()), target.data());
    std::memcpy(block + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    std::snprintf(block + 148, 8, "%06o", sum);
    text_.append(block, sizeof block);
    return *this;
  }
  std::string text() const { return text_ + std::string(1024, '\0'); }

 private:
  void pad() { text_.resize((text_.size() + 511) / 512 * 512, '\0'); }
  std::string text_;
};

inline std::string deflated(std::string_view text, int window) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return packed;
}
inline std::string gzipped(std::string_view text) { return deflated(text, 15 + 16); }
inline std::string zstandard(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

// A zip with stored or deflated members.
class ZipText {
 public:
  ZipText& member(std::string_view name, std::string_view content, bool deflate = true) {
    const auto packed = deflate ? deflated(content, -15) : std::string(content);
    const auto offset = text_.size();
    text_ += "PK\3\4";
    common(name, packed, content, deflate);
    text_ += name;
    text_ += packed;
    directory_ += "PK\1\2";
    std::swap(text_, directory_);
    number(20, 2);
    common(name, packed, content, deflate);
    number(0, 2);
    number(0, 2);
    number(0, 2);
    number(0, 4);
    number(offset, 4);
    text_ += name;
    std::swap(text_, directory_);
    ++count_;
    return *this;
  }
  std::string text() {
    const auto offset = text_.size();
    text_ += directory_;
    text_ += "PK\5\6";
    number(0, 2);
    number(0, 2);
    number(count_, 2);
    number(count_, 2);
    number(directory_.size(), 4);
    number(offset, 4);
    number(0, 2);
    return text_;
  }

 private:
  void number(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) text_ += static_cast<char>(value >> (8 * i));
  }
  void common(std::string_view name, std::string_view packed, std::string_view content, bool deflate) {
    number(20, 2);
    number(0, 2);
    number(deflate ? 8 : 0, 2);
    number(0, 4);
    number(::crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())), 4);
    number(packed.size(), 4);
    number(content.size(), 4);
    number(name.size(), 2);
    number(0, 2);
  }
  std::string text_, directory_;
  unsigned count_ = 0;
};

// An open file that holds `bytes`.
class LayerFile {
 public:
  explicit LayerFile(std::string_view bytes) : fd_(::open(scratch_.path().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600)) {
    REQUIRE(fd_.valid());
    REQUIRE(::pwrite(fd_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  int fd() const { return fd_.get(); }

 private:
  Scratch scratch_;
  UniqueFd fd_;
};

inline LayerInventory analyse(std::string_view bytes, const ScanLimits& limits = {}) {
  return analyse_layer(LayerFile(bytes).fd(), limits);
}

inline bool has_problem(const LayerInventory& inventory, std::string_view text) {
  for (const auto& problem : inventory.problems) {
    if (problem.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace weir::testing
