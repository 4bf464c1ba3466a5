// Slices and steps; apart from the reactor because it has nothing to do with sockets.
#include "job_queue.h"

#include <algorithm>
#include <optional>

namespace pg_hello::http {
namespace {

// The response, if this step was the last one.
std::optional<Response> Advance(Job& job) noexcept {
  try {
    if (!job.Step()) return std::nullopt;
    return job.TakeResponse();
  } catch (...) {
    return InternalError();
  }
}

bool HasRoom(const Job& job, const JobQueue::MakeRoom& make_room) noexcept {
  while (job.WantsRoom()) {
    if (!make_room()) return false;
  }
  return true;
}

}  // namespace

void JobQueue::Add(const std::shared_ptr<Job>& job) {
  const bool known = std::any_of(jobs_.begin(), jobs_.end(),
                                 [&](const auto& queued) { return queued.lock() == job; });
  if (!known) jobs_.push_back(job);
}

void JobQueue::Work(const std::function<std::int64_t()>& clock, std::int64_t slice_us,
                    const MakeRoom& make_room, const Finished& finished) noexcept {
  blocked_ = false;
  if (jobs_.empty()) return;
  const std::int64_t end_us = clock() + slice_us;
  while (!jobs_.empty()) {
    const std::shared_ptr<Job> job = jobs_.front().lock();
    blocked_ = job != nullptr && !HasRoom(*job, make_room);
    if (blocked_) return;
    const std::optional<Response> response = job ? Advance(*job) : std::nullopt;
    if (job == nullptr || response) jobs_.pop_front();
    if (response) finished(job, *response);
    if (job != nullptr && clock() >= end_us) return;
  }
}

}  // namespace pg_hello::http
