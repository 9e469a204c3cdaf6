#pragma once
// The world's four ways of waiting, as things a coroutine may co_await. They live in the awaiting coroutine's frame, so
// destroying the coroutine withdraws them.

#include "task.h"
#include "world.h"

namespace spike {

class Suspension {
 public:
  Waiter& of(std::coroutine_handle<> handle) {
    handle_ = handle;
    return waiter_;
  }

 private:
  std::coroutine_handle<> handle_;
  Waiter waiter_{[](void* self) { resume(static_cast<Suspension*>(self)->handle_); }, this};
};

struct ReadHead {
  bool await_ready() { return client.head_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { client.wake_when_head(suspension.of(handle)); }
  Result<Head> await_resume() { return client.take_head(); }

  Client& client;
  Suspension suspension{};
};

struct Find {
  Find(Index& index, unsigned digest) : lookup(index, digest) {}
  bool await_ready() { return lookup.ready(); }
  void await_suspend(std::coroutine_handle<> handle) { lookup.wake_when_ready(suspension.of(handle)); }
  Result<FillReader> await_resume() { return lookup.take(); }

  Lookup lookup;
  Suspension suspension;
};

struct Grown {
  bool await_ready() { return reader.ready(offset); }
  void await_suspend(std::coroutine_handle<> handle) { reader.wake_when_ready(suspension.of(handle)); }
  Result<std::size_t> await_resume() { return reader.grown(offset); }

  FillReader& reader;
  std::size_t offset;
  Suspension suspension{};
};

struct Write {
  bool await_ready() { return client.write_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { client.wake_when_writable(suspension.of(handle)); }
  Result<std::size_t> await_resume() { return client.write(bytes); }

  Client& client;
  std::size_t bytes;
  Suspension suspension{};
};

}  // namespace spike
