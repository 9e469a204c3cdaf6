#include "memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace spike {
thread_local Memory memory;
}

#if !SPIKE_SANITIZED

void* operator new(std::size_t size) {
  void* place = std::malloc(size);
  if (place == nullptr) std::abort();
  ++spike::memory.allocations;
  spike::memory.bytes += size;
  spike::memory.live += static_cast<std::ptrdiff_t>(malloc_usable_size(place));
  spike::memory.most_live = std::max(spike::memory.most_live, spike::memory.live);
  return place;
}

void operator delete(void* place) noexcept {
  spike::memory.live -= static_cast<std::ptrdiff_t>(malloc_usable_size(place));
  std::free(place);
}

void operator delete(void* place, std::size_t) noexcept { operator delete(place); }

#endif
