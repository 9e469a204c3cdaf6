#include "world.h"

#include <event2/event.h>
#include <event2/thread.h>

#include <string_view>
#include <utility>

namespace spike {

void Waiter::unlink() {
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = this;
}

void WaitList::add(Waiter& waiter) {
  waiter.next_ = &ends_;
  waiter.previous_ = ends_.previous_;
  ends_.previous_->next_ = &waiter;
  ends_.previous_ = &waiter;
}

void WaitList::take_all(WaitList& other) {
  if (other.empty()) return;
  ends_.next_ = other.ends_.next_;
  ends_.previous_ = other.ends_.previous_;
  ends_.next_->previous_ = ends_.previous_->next_ = &ends_;
  other.ends_.next_ = other.ends_.previous_ = &other.ends_;
}

Waiter* WaitList::pop() {
  Waiter* first = ends_.next_;
  first->unlink();
  return first;
}

Loop::Loop() {
  evthread_use_pthreads();
  base_ = event_base_new();
  auto turn = [](evutil_socket_t, short, void* self) { static_cast<Loop*>(self)->wake_batch(); };
  turn_ = event_new(base_, -1, EV_PERSIST, turn, this);
  event_add(turn_, nullptr);
}

Loop::~Loop() {
  event_free(turn_);
  event_base_free(base_);
}

void Loop::post(Waiter& waiter) {
  if (ready_.empty()) event_active(turn_, 0, 0);
  ready_.add(waiter);
}

void Loop::post_from_elsewhere(Waiter& waiter) {
  {
    std::lock_guard lock(mutex_);
    from_elsewhere_.add(waiter);
  }
  event_active(turn_, 0, 0);
}

void Loop::run_turn() { event_base_loop(base_, EVLOOP_ONCE); }

void Loop::wake_batch() {
  WaitList batch;
  batch.take_all(ready_);
  while (!batch.empty()) batch.pop()->wake();
  {
    std::lock_guard lock(mutex_);
    batch.take_all(from_elsewhere_);
  }
  while (!batch.empty()) batch.pop()->wake();
}

Fill::Fill(Loop& loop, unsigned digest)
    : loop_(loop), whole_(digest % 2 == 0), end_(!whole_ && digest % 31 == 5 ? kBlobBytes / 2 : kBlobBytes),
      grown_(whole_ ? kBlobBytes : 0) {}

void Fill::grow(void* self) {
  Fill& fill = *static_cast<Fill*>(self);
  fill.grown_ += 2 * kPieceBytes;
  while (!fill.waiting_.empty()) fill.loop_.post(*fill.waiting_.pop());
  if (fill.grown_ < fill.end_) fill.loop_.post(fill.growth_);
}

FillReader::FillReader(Fill& fill) : fill_(&fill) {
  if (fill_->readers_++ == 0 && !fill_->whole_) fill_->loop_.post(fill_->growth_);
}

FillReader::~FillReader() {
  if (fill_ == nullptr || --fill_->readers_ > 0 || fill_->whole_) return;
  fill_->growth_.unlink();
  fill_->grown_ = 0;
}

bool FillReader::ready(std::size_t offset) const { return fill_->grown_ > offset || fill_->grown_ == fill_->end_; }

Result<std::size_t> FillReader::grown(std::size_t offset) const {
  if (offset == fill_->end_) return Error::kUpstreamBroke;
  return fill_->grown_;
}

void Client::wake_when_head(Waiter& waiter) {
  if (requests_ > 0) loop_.post(waiter);
}

Result<Head> Client::take_head() {
  finished_ = request_ == requests_;
  if (!finished_) ++request_;
  pieces_ = 0;
  gone_ = finished_ || script() % 101 == 0;
  if (gone_) return Error::kClientGone;
  const std::string_view line = script() % 61 == 0 ? "GET" : "GET /v2/app/blobs/";
  if (line.size() < 4) return Error::kBadHead;
  return Head{std::string(line.substr(8, 3)), static_cast<unsigned>(script() / 7 % kBlobs)};
}

Result<std::size_t> Client::write(std::size_t bytes) {
  if (gone_ || (script() % 53 == 0 && ++pieces_ == 3)) return Error::kClientGone;
  return bytes;
}

void Client::close() { loop_.post(closed_); }

Index::Index(Loop& loop, Dice& dice, bool with_pool) : loop_(loop), dice_(dice) {
  for (unsigned digest = 0; digest < kBlobs; ++digest) fills_.push_back(std::make_unique<Fill>(loop, digest));
  if (with_pool) pool_ = std::thread([this] { work(); });
}

Index::~Index() {
  if (!pool_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  pool_.join();
}

void Index::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wanted_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    std::vector<Lookup*> taken = std::exchange(jobs_, {});
    lock.unlock();
    for (Lookup* job : taken) {
      job->find();
      loop_.post_from_elsewhere(*job->waiter_);
    }
    lock.lock();
  }
}

bool Lookup::ready() {
  if (index_.dice_.one_in(2)) return false;
  find();
  return true;
}

void Lookup::wake_when_ready(Waiter& waiter) {
  if (!index_.pool_.joinable()) {
    find();
    return index_.loop_.post(waiter);
  }
  waiter_ = &waiter;
  {
    std::lock_guard lock(index_.mutex_);
    index_.jobs_.push_back(this);
  }
  index_.wanted_.notify_one();
}

Result<FillReader> Lookup::take() {
  if (!found_) return Error::kUnknown;
  return FillReader(*index_.fills_[digest_]);
}

Outcome outcome_of(Error error) {
  switch (error) {
    case Error::kBadHead: return Outcome::kBadHead;
    case Error::kUnknown: return Outcome::kUnknown;
    case Error::kUpstreamBroke: return Outcome::kUpstreamBroke;
    default: return Outcome::kClientGone;
  }
}

Result<unsigned> Meter::record(const Account& account) {
  ++outcomes_[static_cast<std::size_t>(account.outcome)];
  body_bytes_ += account.body_bytes;
  refusal_bytes_ += account.refusal_bytes;
  if (++requests_ % 1000 == 0) return Error::kLedgerFull;
  return requests_;
}

std::uint64_t Meter::digest() const {
  std::uint64_t sum = mix(body_bytes_) ^ mix(refusal_bytes_ + 1) ^ mix(requests_ + 2);
  for (std::uint64_t count : outcomes_) sum = mix(sum + count);
  return sum;
}

}  // namespace spike
