#include "scan/inventory_store.h"

#include <filesystem>
#include <vector>

#include "scan/bytes.h"
#include "scan/compress.h"
#include "scan/layer_codec.h"

namespace weir {
namespace {

constexpr Table kLayersTable = 0;
constexpr std::uint64_t kMostInventory = 256 << 20;  // bytes, uncompressed
constexpr std::size_t kRemovedAtOnce = 1000;

std::string version_key() {
  std::string key;
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(kAnalyserVersion >> shift);
  return key;
}

std::string layer_key(const Digest& layer) { return version_key() + layer.text(); }

}  // namespace

Result<std::unique_ptr<InventoryStore>> InventoryStore::open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error(error.value(), "make " + directory);
  // Everything in it can be made again, so a commit need not wait for the disk.
  auto environment = LmdbEnvironment::open({.directory = directory, .tables = {"layers"}, .durable = false});
  if (!environment) return std::move(environment).error();
  auto store = std::unique_ptr<InventoryStore>(new InventoryStore(*std::move(environment)));
  if (auto status = store->remove_old(); !status) return std::move(status).error();
  return store;
}

Status InventoryStore::remove_old() {
  for (;;) {
    std::vector<std::string> old;
    {
      const ReadTransaction snapshot(*environment_);
      snapshot.scan(kLayersTable, "", "", [&old](std::string_view key, std::string_view) {
        if (key.starts_with(version_key())) return false;  // from here on they are of this version or a later one
        old.emplace_back(key);
        return old.size() < kRemovedAtOnce;
      });
    }
    if (old.empty()) return ok_status();
    WriteTransaction transaction(*environment_);
    for (const auto& key : old) {
      if (auto status = transaction.remove(kLayersTable, key); !status) return status;
    }
    if (auto status = transaction.commit(); !status) return status;
  }
}

std::optional<LayerInventory> InventoryStore::find(const Digest& layer) const {
  const ReadTransaction snapshot(*environment_);
  const auto value = snapshot.get(kLayersTable, layer_key(layer));
  const auto bytes = value ? decompress(*value, kMostInventory) : Result<std::string>(Error{});
  if (!bytes) return std::nullopt;
  auto inventory = decode_layer_inventory(*bytes, {});
  if (!inventory) return std::nullopt;
  return *std::move(inventory);
}

Status InventoryStore::keep(const Digest& layer, const LayerInventory& inventory) {
  WriteTransaction transaction(*environment_);
  if (auto status = transaction.put(kLayersTable, layer_key(layer), compress(encode(inventory))); !status) return status;
  return transaction.commit();
}

Status InventoryStore::forget(const Digest& layer) {
  WriteTransaction transaction(*environment_);
  if (auto status = transaction.remove(kLayersTable, layer_key(layer)); !status) return status;
  return transaction.commit();
}

std::uint64_t InventoryStore::layers() const { return ReadTransaction(*environment_).count(kLayersTable); }

}  // namespace weir
