#include "proxy/proof_cache.h"

#include "base/hash.h"

namespace weir {
namespace {
constexpr std::size_t kMostProofs = 100'000;
constexpr std::size_t kSecretBytes = 32;
}  // namespace

ProofCache::ProofCache(const Clock& clock) : clock_(clock), secret_(random_bytes(kSecretBytes)) {}

// The secret stands in front and is as long as the hash, which is shown to nobody. No name holds a line's end.
std::string ProofCache::key(const Name& repository, std::string_view credential) const {
  return hash_of(HashAlgorithm::sha256, secret_ + repository.text() + '\n' + std::string(credential));
}

bool ProofCache::holds(const std::string& key, const std::shared_ptr<RegistryClient>& upstream) const {
  std::lock_guard lock(mutex_);
  const auto found = proofs_.find(key);
  return found != proofs_.end() && clock_.now() < found->second.good_until && found->second.upstream.lock() == upstream;
}

void ProofCache::insert(const std::string& key, const std::shared_ptr<RegistryClient>& upstream) {
  std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  if (proofs_.size() >= kMostProofs) {
    std::erase_if(proofs_, [now](const auto& entry) { return entry.second.good_until <= now; });
    if (proofs_.size() >= kMostProofs) proofs_.clear();
  }
  proofs_.insert_or_assign(key, Proof{upstream, now + kLife});
}

}  // namespace weir
