#include "scan/inflate.h"

#include <isa-l/igzip_lib.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "base/text.h"
#include "scan/bytes.h"

namespace weir {
namespace {

constexpr std::size_t kInput = 256 << 10;
constexpr std::size_t kOutput = 1 << 20;
constexpr std::uint64_t kRatioFrom = 64ull << 20;  // the ratio of a smaller layer says nothing
constexpr int kWindowLog = 27;                      // 128 MiB: what `zstd --ultra -22` needs, and no more

LayerFormat sniff(Bytes head) {
  const auto byte = [&head](std::size_t i) { return i < head.size() ? static_cast<unsigned>(head[i]) : 0u; };
  if (byte(0) == 0x1f && byte(1) == 0x8b) return LayerFormat::gzip;
  const bool frame = byte(0) == 0x28 && byte(1) == 0xb5 && byte(2) == 0x2f && byte(3) == 0xfd;
  const bool skippable = (byte(0) & 0xf0) == 0x50 && byte(1) == 0x2a && byte(2) == 0x4d && byte(3) == 0x18;
  return frame || skippable ? LayerFormat::zstd : LayerFormat::plain;
}

}  // namespace

struct Inflate::State {
  int fd;
  ScanLimits limits;
  LayerFormat format = LayerFormat::plain;
  bool sniffed = false, input_ended = false, done = false;
  std::vector<std::byte> input = std::vector<std::byte>(kInput), output = std::vector<std::byte>(kOutput);
  std::size_t begin = 0, end = 0;  // of the input that was read and not used
  std::uint64_t taken = 0, inflated = 0;
  Hasher hasher{HashAlgorithm::sha256};

  bool between_members = true;  // gzip: no member is open
  bool had_member = false;
  inflate_state gzip;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> zstd{nullptr, &ZSTD_freeDStream};
  bool between_frames = true;  // zstd

  State(int own_fd, const ScanLimits& own_limits) : fd(own_fd), limits(own_limits) {}

  std::span<std::byte> unused() { return std::span(input).subspan(begin, end - begin); }
  // Reads more input behind what is unused. False: there is none.
  Result<bool> refill() {
    if (begin > 0) {
      std::memmove(input.data(), input.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    while (!input_ended && end < input.size()) {
      const auto count = ::read(fd, input.data() + end, input.size() - end);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error(errno, "read the layer");
      if (count == 0) input_ended = true;
      end += static_cast<std::size_t>(count);
      taken += static_cast<std::uint64_t>(count);
      if (count > 0) return true;
    }
    return !input_ended;
  }

  Result<std::size_t> read_plain();
  Result<std::size_t> read_gzip();
  Result<std::size_t> read_zstd();
};

Result<std::size_t> Inflate::State::read_plain() {
  if (unused().empty()) {
    auto more = refill();
    if (!more) return std::move(more).error();
  }
  const auto count = unused().size();
  std::memcpy(output.data(), unused().data(), count);
  begin = end;
  return count;
}

Result<std::size_t> Inflate::State::read_gzip() {
  std::size_t made = 0;
  while (made == 0) {
    if (unused().empty()) {
      auto more = refill();
      if (!more) return std::move(more).error();
      if (unused().empty()) {
        if (!between_members) return damaged("the gzip data ends in the middle");
        return 0;
      }
    }
    if (between_members) {
      // Zeros behind the last member are padding, as tar writers for tapes add it.
      while (had_member && !unused().empty() && unused()[0] == std::byte{0}) ++begin;
      if (unused().empty()) continue;
      if (unused().size() < 2 && !input_ended) {
        auto more = refill();
        if (!more) return std::move(more).error();
      }
      isal_inflate_init(&gzip);
      gzip.crc_flag = ISAL_GZIP;
      between_members = false;
      had_member = true;
    }
    const auto in = unused();
    gzip.next_in = reinterpret_cast<std::uint8_t*>(in.data());
    gzip.avail_in = static_cast<std::uint32_t>(in.size());
    gzip.next_out = reinterpret_cast<std::uint8_t*>(output.data());
    gzip.avail_out = static_cast<std::uint32_t>(output.size());
    const int code = isal_inflate(&gzip);
    begin += in.size() - gzip.avail_in;
    made = output.size() - gzip.avail_out;
    if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT) return damaged("the gzip data is damaged");
    if (gzip.block_state == ISAL_BLOCK_FINISH) between_members = true;
    else if (made == 0 && gzip.avail_in > 0 && in.size() == gzip.avail_in) return damaged("the gzip data is damaged");
  }
  return made;
}

Result<std::size_t> Inflate::State::read_zstd() {
  if (!zstd) {
    zstd.reset(ZSTD_createDStream());
    if (!zstd) return Error{Failure::overloaded, Side::local, true, "no memory to inflate zstd"};
    ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, kWindowLog);
  }
  std::size_t made = 0;
  while (made == 0) {
    if (unused().empty()) {
      auto more = refill();
      if (!more) return std::move(more).error();
      if (unused().empty() && between_frames) return 0;
    }
    const auto in = unused();
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{output.data(), output.size(), 0};
    const auto code = ZSTD_decompressStream(zstd.get(), &to, &from);
    if (ZSTD_isError(code)) return damaged(std::string("the zstd data is damaged: ") + ZSTD_getErrorName(code));
    begin += from.pos;
    made = to.pos;
    between_frames = code == 0;
    if (made == 0 && from.pos == 0 && input_ended && !between_frames) return damaged("the zstd data ends in the middle");
  }
  return made;
}

Inflate::Inflate(int fd, const ScanLimits& limits) : state_(std::make_unique<State>(fd, limits)) {}
Inflate::~Inflate() = default;

Result<std::span<const std::byte>> Inflate::read() {
  State& state = *state_;
  if (state.done) return std::span<const std::byte>();
  if (!state.sniffed) {
    while (state.end < 4 && !state.input_ended) {
      auto more = state.refill();
      if (!more) return std::move(more).error();
    }
    state.format = sniff(state.unused());
    state.sniffed = true;
  }
  auto count = state.format == LayerFormat::gzip   ? state.read_gzip()
               : state.format == LayerFormat::zstd ? state.read_zstd()
                                                   : state.read_plain();
  if (!count) return std::move(count).error();
  const auto bytes = std::span<const std::byte>(state.output).first(*count);
  state.inflated += bytes.size();
  state.done = bytes.empty();
  state.hasher.update(bytes);
  if (state.inflated > state.limits.inflated_bytes) return limit_reached("inflated bytes");
  if (state.inflated > kRatioFrom && state.inflated / state.limits.inflation_ratio > state.taken)
    return limit_reached("inflation ratio");
  return bytes;
}

Status Inflate::drain() {
  for (;;) {
    auto bytes = read();
    if (!bytes) return std::move(bytes).error();
    if (bytes->empty()) return ok_status();
  }
}

LayerFormat Inflate::format() const noexcept { return state_->format; }
std::uint64_t Inflate::inflated() const noexcept { return state_->inflated; }
std::string Inflate::diff_id() { return to_hex(state_->hasher.finish()); }

}  // namespace weir
