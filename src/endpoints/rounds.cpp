// Who shares what with whom. How long a slice is, and who waits, is the reactor's.
#include "pg_hello/endpoints/rounds.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace pg_hello::endpoints {
namespace {

template <typename T>
void EraseExpired(std::vector<std::weak_ptr<T>>& pointers) {
  std::erase_if(pointers, [](const std::weak_ptr<T>& pointer) { return pointer.expired(); });
}

}  // namespace

struct Rounds::State {
  SnapshotRenewal renew;
  std::shared_ptr<snapshot::Snapshot> last;              // to be taken into, if nobody reads it
  std::vector<std::weak_ptr<Job>> jobs;                  // that have not been ended
  std::vector<std::weak_ptr<const std::string>> bodies;  // that may still be sent
  std::string spare;  // the largest body that was sent, as room for the next one: new memory costs
                      // more than what is written to it

  std::size_t Bodies();
  std::shared_ptr<Job> Waiting(const Representation& wanted) const;
  void BeginRound();
};

class Rounds::Job : public http::Job {
 public:
  Job(std::shared_ptr<State> state, Representation wanted)
      : state_(std::move(state)), wanted_(std::move(wanted)) {}

  bool waiting() const { return snapshot_ == nullptr && !done_; }
  const Representation& wanted() const { return wanted_; }
  void Begin(std::shared_ptr<const snapshot::Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
  }

  // Before it begins to render. One is half made at a time, so what has begun may end.
  bool WantsRoom() const override {
    return !waiting() && !rendering_ && !done_ && state_->Bodies() >= kMaxBodies;
  }

  // One of: take the round's snapshot, render a piece, or tidy up.
  bool Step() override {
    if (waiting()) {
      state_->BeginRound();
      return false;
    }
    if (done_) {
      snapshot_.reset();
      return true;
    }
    if (!rendering_) {
      if (wanted_.coding == http::ContentCoding::kGzip) {
        gzip_.emplace();
      } else {
        body_ = std::exchange(state_->spare, {});
        body_.clear();
      }
      rendering_ = wanted_.render(snapshot_);
    }
    if (!gzip_) {
      done_ = rendering_(body_);
    } else {
      piece_.clear();
      done_ = rendering_(piece_);
      gzip_->Add(piece_, body_);
      if (done_) gzip_->Finish(body_);
    }
    if (done_) rendering_ = nullptr;
    return false;
  }

  http::Response TakeResponse() override {
    http::Response response;
    response.content_type = wanted_.content_type;
    response.headers.emplace_back("Vary", kVary);
    if (gzip_) response.headers.emplace_back("Content-Encoding", "gzip");
    const auto keep = [state = std::weak_ptr<State>(state_)](std::string* sent) {
      const std::unique_ptr<std::string> body(sent);
      const std::shared_ptr<State> rounds = state.lock();
      if (rounds != nullptr && body->capacity() > rounds->spare.capacity()) {
        rounds->spare = std::move(*body);
      }
    };
    response.body = std::shared_ptr<std::string>(new std::string(std::move(body_)), keep);
    state_->bodies.push_back(response.body);
    return response;
  }

 private:
  std::shared_ptr<State> state_;
  Representation wanted_;
  std::shared_ptr<const snapshot::Snapshot> snapshot_;
  Rendering rendering_;
  std::optional<http::GzipEncoder> gzip_;
  std::string piece_;  // not encoded yet
  std::string body_;
  bool done_ = false;
};

std::shared_ptr<Rounds::Job> Rounds::State::Waiting(const Representation& wanted) const {
  for (const std::weak_ptr<Job>& pointer : jobs) {
    std::shared_ptr<Job> job = pointer.lock();
    if (job != nullptr && job->waiting() && job->wanted().key == wanted.key &&
        job->wanted().coding == wanted.coding) {
      return job;
    }
  }
  return nullptr;
}

std::size_t Rounds::State::Bodies() {
  EraseExpired(bodies);
  return bodies.size();
}

// All who wait at this moment asked before it, so the picture is new enough for all of them.
void Rounds::State::BeginRound() {
  std::shared_ptr<snapshot::Snapshot> snapshot = std::exchange(last, nullptr);
  if (snapshot.use_count() != 1) {
    snapshot = std::make_shared<snapshot::Snapshot>();
  }
  std::vector<std::shared_ptr<Job>> waiting;
  auto detail = snapshot::Detail::kWithoutBuckets;
  for (const std::weak_ptr<Job>& pointer : jobs) {
    std::shared_ptr<Job> job = pointer.lock();
    if (job == nullptr || !job->waiting()) continue;
    detail = std::max(detail, job->wanted().detail);
    waiting.push_back(std::move(job));
  }
  renew(*snapshot, detail);
  last = snapshot;
  for (const std::shared_ptr<Job>& job : waiting) job->Begin(snapshot);
}

Rounds::Rounds(SnapshotRenewal renew)
    : state_(std::make_shared<State>(State{std::move(renew), {}, {}, {}, {}})) {}

http::Answer Rounds::Join(Representation wanted) {
  std::shared_ptr<Job> job = state_->Waiting(wanted);
  if (job != nullptr) return job;
  EraseExpired(state_->jobs);
  if (state_->jobs.size() >= kMaxJobs) {
    http::Response busy = http::TextResponse(503, "Too many answers are waited for.\n");
    busy.headers.emplace_back("Retry-After", "1");
    busy.headers.emplace_back("Vary", kVary);
    return busy;
  }
  job = std::make_shared<Job>(state_, std::move(wanted));
  state_->jobs.push_back(job);
  return job;
}

}  // namespace pg_hello::endpoints
