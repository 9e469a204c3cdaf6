// Candidate (a): a table of steps. A step that starts something slow names the step that takes the answer; whatever is
// needed on both sides of a wait is a member.
#include <algorithm>
#include <array>
#include <optional>

#include "flow.h"

namespace spike {
namespace {

class StepConnection final : public Connection {
 public:
  StepConnection(World& world, Client& client) : world_(world), client_(client) { run(); }

 private:
  enum class Step {
    kReadHead,
    kTakeHead,
    kLookUp,
    kTakeReader,
    kAwaitGrowth,
    kTakeGrowth,
    kWritePiece,
    kCountPiece,
    kRefuse,
    kCountRefusal,
    kAccount,
    kClose
  };
  enum class Next { kGo, kWait, kEnd };

  Next go(Step step) {
    step_ = step;
    return Next::kGo;
  }

  Next wait_for(Step step) {
    step_ = step;
    return Next::kWait;
  }

  Next finish(Outcome outcome) {
    account_.outcome = outcome;
    return go(Step::kAccount);
  }

  Next fail(Error error) {
    error_ = error;
    return go(Step::kRefuse);
  }

  Next read_head() {
    account_ = Account{};
    if (client_.head_ready()) return go(Step::kTakeHead);
    client_.wake_when_head(waiter_);
    return wait_for(Step::kTakeHead);
  }

  Next take_head() {
    Result<Head> head = client_.take_head();
    if (!head) return fail(head.error());
    head_ = std::move(*head);
    return go(Step::kLookUp);
  }

  Next look_up() {
    lookup_.emplace(world_.index, head_.digest);
    if (lookup_->ready()) return go(Step::kTakeReader);
    lookup_->wake_when_ready(waiter_);
    return wait_for(Step::kTakeReader);
  }

  Next take_reader() {
    Result<FillReader> reader = lookup_->take();
    if (!reader) return fail(reader.error());
    reader_.emplace(std::move(*reader));
    return go(Step::kAwaitGrowth);
  }

  Next await_growth() {
    if (account_.body_bytes == reader_->size()) return finish(Outcome::kServed);
    if (reader_->ready(account_.body_bytes)) return go(Step::kTakeGrowth);
    reader_->wake_when_ready(waiter_);
    return wait_for(Step::kTakeGrowth);
  }

  Next take_growth() {
    Result<std::size_t> grown = reader_->grown(account_.body_bytes);
    if (!grown) return finish(outcome_of(grown.error()));
    grown_ = *grown;
    return go(Step::kWritePiece);
  }

  Next write_piece() {
    if (account_.body_bytes == grown_) return go(Step::kAwaitGrowth);
    if (client_.write_ready()) return go(Step::kCountPiece);
    client_.wake_when_writable(waiter_);
    return wait_for(Step::kCountPiece);
  }

  Next count_piece() {
    Result<std::size_t> written = client_.write(std::min(kPieceBytes, grown_ - account_.body_bytes));
    if (!written) return finish(outcome_of(written.error()));
    account_.body_bytes += *written;
    return go(Step::kWritePiece);
  }

  Next refuse() {
    if (client_.write_ready()) return go(Step::kCountRefusal);
    client_.wake_when_writable(waiter_);
    return wait_for(Step::kCountRefusal);
  }

  Next count_refusal() {
    if (!client_.write(kRefusalBytes)) return finish(Outcome::kClientGone);
    account_.refusal_bytes = kRefusalBytes;
    return finish(outcome_of(error_));
  }

  Next account() {
    reader_.reset();
    lookup_.reset();
    Result<unsigned> recorded = world_.meter.record(account_);
    return go(recorded && stays_open(account_.outcome) ? Step::kReadHead : Step::kClose);
  }

  Next close() {
    client_.close();
    return Next::kEnd;
  }

  void run() {
    while ((this->*kSteps[static_cast<std::size_t>(step_)])() == Next::kGo) {
    }
  }

  using StepFunction = Next (StepConnection::*)();
  static const std::array<StepFunction, 12> kSteps;

  World& world_;
  Client& client_;
  Step step_ = Step::kReadHead;
  Waiter waiter_{[](void* self) { static_cast<StepConnection*>(self)->run(); }, this};
  Account account_;
  Head head_;
  std::optional<Lookup> lookup_;
  std::optional<FillReader> reader_;
  std::size_t grown_ = 0;
  Error error_ = Error::kBadHead;
};

// In the order of Step.
const std::array<StepConnection::StepFunction, 12> StepConnection::kSteps = {
    &StepConnection::read_head,    &StepConnection::take_head,     &StepConnection::look_up,     &StepConnection::take_reader,
    &StepConnection::await_growth, &StepConnection::take_growth,   &StepConnection::write_piece, &StepConnection::count_piece,
    &StepConnection::refuse,       &StepConnection::count_refusal, &StepConnection::account,     &StepConnection::close,
};

}  // namespace

std::unique_ptr<Connection> serve(World& world, Client& client) { return std::make_unique<StepConnection>(world, client); }

}  // namespace spike
