// Runs one candidate. Linked with exactly one flow_*.cc.
//   bench time     serves 400 clients, 1000 requests each: ns and heap per request
//   bench idle     bytes a connection holds that waits for its first head
//   bench cancel   destroys every connection at some moment of its life; nothing may stay behind
//   bench pool     serves 50 clients, 100 requests each, with lookups answered by another thread
#include <cstdio>
#include <cstring>
#include <ctime>

#include "flow.h"
#include "memory.h"

namespace spike {
namespace {

constexpr int kWrong = 3;

// Accepts one client's connections, one after the other.
class Acceptor {
 public:
  Acceptor(World& world, unsigned number, unsigned requests)
      : world_(world), client_(world.loop, world.dice, number, requests, closed_) {}
  void accept() { connection_ = serve(world_, client_); }
  void cancel() { connection_.reset(); }
  bool finished() const { return finished_; }

 private:
  void reconnect() {
    connection_.reset();
    finished_ = client_.finished();
    if (!finished_) accept();
  }

  World& world_;
  Waiter closed_{[](void* self) { static_cast<Acceptor*>(self)->reconnect(); }, this};
  Client client_;
  std::unique_ptr<Connection> connection_;
  bool finished_ = false;
};

class Crowd {
 public:
  Crowd(World& world, unsigned clients, unsigned requests) : world_(world) {
    for (unsigned number = 0; number < clients; ++number) {
      acceptors_.push_back(std::make_unique<Acceptor>(world, number, requests));
    }
  }

  void accept() {
    for (auto& acceptor : acceptors_) acceptor->accept();
  }

  void cancel() {
    for (auto& acceptor : acceptors_) acceptor->cancel();
  }

  void serve_all() {
    for (auto& acceptor : acceptors_) {
      while (!acceptor->finished()) world_.loop.run_turn();
    }
  }

 private:
  World& world_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int time(bool with_pool, unsigned clients, unsigned requests) {
  World world(with_pool);
  Crowd crowd(world, clients, requests);
  const Memory before = memory;
  const double start = cpu_seconds();
  crowd.accept();
  crowd.serve_all();
  const double seconds = cpu_seconds() - start;
  const double served = world.meter.requests();
  std::printf("%.1f %.2f %.0f %.0f %016llx\n", seconds * 1e9 / served,
              static_cast<double>(memory.allocations - before.allocations) / served,
              static_cast<double>(memory.bytes - before.bytes) / served,
              static_cast<double>(memory.most_live - before.live) / clients, static_cast<unsigned long long>(world.meter.digest()));
  const unsigned expected = clients * (requests + 1);  // the last of each is the client's farewell
  return world.meter.requests() == expected ? 0 : kWrong;
}

int idle() {
  constexpr unsigned kClients = 10000;
  World world;
  Crowd crowd(world, kClients, 0);
  const Memory before = memory;
  crowd.accept();
  std::printf("%.0f\n", static_cast<double>(memory.live - before.live) / kClients);
  return 0;
}

int cancel() {
  World world;
  for (int turns = 0; turns < 60; ++turns) {
    Crowd crowd(world, 30, 100);
    const std::ptrdiff_t before = memory.live;
    crowd.accept();
    for (int turn = 0; turn < turns; ++turn) world.loop.run_turn();
    crowd.cancel();
    if (memory.live != before) return kWrong;
  }
  std::printf("clean\n");
  return 0;
}

}  // namespace
}  // namespace spike

int main(int count, char** words) {
  const char* what = count > 1 ? words[1] : "time";
  if (std::strcmp(what, "time") == 0) return spike::time(false, 400, 1000);
  if (std::strcmp(what, "pool") == 0) return spike::time(true, 50, 100);
  if (std::strcmp(what, "idle") == 0) return spike::idle();
  if (std::strcmp(what, "cancel") == 0) return spike::cancel();
  return 2;
}
