// How a visit changes hands. The worker may start anew while a visitor is on its way or at work, so
// the two agree by a ticket and in one word.
#include "pg_hello/shared/probe_board.h"

namespace pg_hello::shared {

namespace {

std::uint64_t HolderOf(std::uint32_t ticket, std::uint32_t pid) {
  return (std::uint64_t{ticket} << 32) | pid;
}

}  // namespace

void ProbeLane::Offer(std::uint32_t ticket, std::uint32_t visited_dbid,
                      std::uint32_t visit_timeout_ms) {
  dbid.store(visited_dbid, std::memory_order_relaxed);
  timeout_ms.store(visit_timeout_ms, std::memory_order_relaxed);
  report.Publish(VisitReport{});
  holder.store(HolderOf(ticket, 0), std::memory_order_release);
}

bool ProbeLane::Take(std::uint32_t ticket, std::uint32_t pid) {
  std::uint64_t offered = HolderOf(ticket, 0);
  return holder.compare_exchange_strong(offered, HolderOf(ticket, pid));
}

void ProbeLane::Leave(std::uint32_t ticket, std::uint32_t pid) {
  std::uint64_t own = HolderOf(ticket, pid);
  holder.compare_exchange_strong(own, 0);
}

bool ProbeLane::Withdraw() {
  std::uint64_t held = holder.load(std::memory_order_acquire);
  while (held != 0 && static_cast<std::uint32_t>(held) == 0) {
    if (holder.compare_exchange_weak(held, 0)) {
      return true;
    }
  }
  return held == 0;
}

}  // namespace pg_hello::shared
