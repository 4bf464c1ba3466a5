// The open calls of one backend, and the arithmetic of time: inclusive time of the outermost
// activation, self time without tracked callees.
//
// As core's pgstat_end_function_usage() does, but with a frame for each call, so that the numbers
// add up: the self times of everything below an outermost call, summed, are its inclusive time to
// the nanosecond.
//
// A call is known by its `site` (the FmgrInfo). Events can be missed: a FATAL exit ends a call
// without a word, and an error raised by another library between our START and the server's PG_TRY
// gives no ABORT. So frames are matched by site, and frames that cannot be alive any more (their
// C stack frame lies below the current one's) are dropped.
//
// Nothing here allocates, locks or fails. Only the backend's main thread may call it.
#ifndef PG_HELLO_PENDING_CALL_STACK_H
#define PG_HELLO_PENDING_CALL_STACK_H

#include <atomic>
#include <cstdint>

#include "pg_hello/pending/function_ref.h"
#include "pg_hello/shared/counters.h"
#include "pg_hello/shared/shared_stats.h"

namespace pg_hello::pending {

// Deeper calls are counted, not timed.
inline constexpr std::uint32_t kMaxDepth = 10'000;

// The C stack of the main thread ends at its base and is at most this deep; addresses elsewhere (a
// procedural language with stacks of its own) are not compared.
inline constexpr std::uintptr_t kMaxStackBytes = std::uintptr_t{100} * 1024 * 1024;

struct CallFrame {
  const void* site;
  FunctionRef* ref;
  std::uintptr_t stack_address;
  std::uint64_t start;  // ticks; meaningless if ref is null
  std::uint64_t children_ns;
};

// Room for all frames. Apart from the stack so that it can be zero-initialized memory, of which a
// process pays only for the pages it touches.
struct CallFrames {
  CallFrame frames[kMaxDepth];
};

// Clock: anything with Now() -> ticks and ToNs(ticks).
template <typename Clock>
class CallStack {
 public:
  // Ready for use in this process. `stack_base`: an address near the base of the C stack.
  // Everything passed must outlive the stack.
  void Attach(shared::SharedStats* stats, shared::BackendSlot* slot, CallFrames* frames,
              const void* stack_base) {
    stats_ = stats;
    slot_ = slot;
    frames_ = frames->frames;
    stack_base_ = reinterpret_cast<std::uintptr_t>(stack_base);
    depth_ = 0;
    too_deep_ = 0;
    slot_->depth.store(0, std::memory_order_relaxed);
  }

  bool attached() const { return slot_ != nullptr; }
  std::uint32_t depth() const { return depth_; }

  // Calls that are open keep the clock they began with: REQUIRES depth() == 0.
  void set_clock(const Clock& clock) { clock_ = clock; }

  // A call begins. `ref` is null for a call that is not tracked: its frame keeps the stack in
  // step, and its time belongs to its caller. False: the stack is too deep, the call will not be
  // timed (End() will say nothing of it).
  bool Begin(const void* site, FunctionRef* ref, const void* stack_address) {
    const auto address = reinterpret_cast<std::uintptr_t>(stack_address);
    if (depth_ > 0 && frames_[depth_ - 1].stack_address <= address) [[unlikely]] {
      DropDead(address);
    }
    if (depth_ == kMaxDepth) [[unlikely]] {
      ++too_deep_;
      return false;
    }
    CallFrame& frame = frames_[depth_];
    frame.site = site;
    frame.ref = ref;
    frame.stack_address = address;
    frame.children_ns = 0;
    if (ref != nullptr) {
      ++ref->active;
      frame.start = clock_.Now();
    }
    if (depth_ < shared::kVisibleDepth) {
      Show(depth_, frame);
    }
    ++depth_;
    slot_->depth.store(depth_, std::memory_order_release);
    return true;
  }

  // The innermost open call of `site` ends. The function, with `sample` filled in, if there is
  // something to record; null if the call was untracked, too deep or unknown.
  FunctionRef* End(const void* site, shared::CallSample* sample) {
    if (depth_ == 0 || frames_[depth_ - 1].site != site || too_deep_ > 0) [[unlikely]] {
      if (!MakeTop(site)) {
        return nullptr;
      }
    }
    const CallFrame& frame = frames_[depth_ - 1];
    FunctionRef* ref = frame.ref;
    std::uint64_t elapsed = frame.children_ns;
    if (ref != nullptr) {
      const std::uint64_t ticks = clock_.Now() - frame.start;
      const std::uint64_t measured = clock_.ToNs(ticks);
      if (static_cast<std::int64_t>(ticks) < 0 || measured < frame.children_ns) [[unlikely]] {
        stats_->clock_anomalies.fetch_add(1, std::memory_order_relaxed);
      } else {
        elapsed = measured;
      }
      sample->elapsed_ns = elapsed;
      sample->self_ns = elapsed - frame.children_ns;
      sample->outermost = --ref->active == 0;
    }
    --depth_;
    slot_->depth.store(depth_, std::memory_order_relaxed);
    if (depth_ > 0) {
      frames_[depth_ - 1].children_ns += elapsed;
    }
    return ref;
  }

  // No call is open any more (the backend exits).
  void Clear() {
    while (depth_ > 0) {
      Drop();
    }
    too_deep_ = 0;
    slot_->depth.store(0, std::memory_order_relaxed);
  }

 private:
  void Show(std::uint32_t depth, const CallFrame& frame) {
    shared::ActiveCall& shown = slot_->active[depth];
    shared::RowEpoch function = 0;
    if (frame.ref != nullptr && frame.ref->row != nullptr) {
      function = shared::MakeRowEpoch(stats_->RowNumber(*frame.ref->row), frame.ref->epoch);
      shown.start_ticks.store(frame.start, std::memory_order_relaxed);
    }
    shown.function.store(function, std::memory_order_relaxed);
  }

  // A dropped frame is like an untracked one: what its callees took is not its caller's own time.
  void Drop() {
    const CallFrame& frame = frames_[--depth_];
    if (frame.ref != nullptr) {
      --frame.ref->active;
    }
    if (depth_ > 0) {
      frames_[depth_ - 1].children_ns += frame.children_ns;
    }
  }

  bool OnMainStack(std::uintptr_t address) const { return stack_base_ - address < kMaxStackBytes; }

  // Drops frames whose call cannot be open: the stack grows downwards, so a caller's frame lies
  // above its callee's.
  void DropDead(std::uintptr_t address) {
    if (!OnMainStack(address)) {
      return;
    }
    std::uint32_t dropped = 0;
    while (depth_ > 0 && frames_[depth_ - 1].stack_address <= address &&
           OnMainStack(frames_[depth_ - 1].stack_address)) {
      Drop();
      ++dropped;
    }
    if (dropped > 0) {
      too_deep_ = 0;
      stats_->stack_resyncs.fetch_add(dropped, std::memory_order_relaxed);
    }
  }

  // After an event that does not fit the innermost frame. True if the frame of `site` is now the
  // innermost one.
  bool MakeTop(const void* site) {
    if (too_deep_ > 0) {
      --too_deep_;
      return false;
    }
    std::uint32_t match = depth_;
    while (match > 0 && frames_[match - 1].site != site) {
      --match;
    }
    if (match == 0) {
      stats_->stack_resyncs.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    stats_->stack_resyncs.fetch_add(depth_ - match, std::memory_order_relaxed);
    while (depth_ > match) {
      Drop();
    }
    return true;
  }

  shared::SharedStats* stats_ = nullptr;
  shared::BackendSlot* slot_ = nullptr;
  CallFrame* frames_ = nullptr;
  std::uintptr_t stack_base_ = 0;
  Clock clock_;
  std::uint32_t depth_ = 0;
  std::uint32_t too_deep_ = 0;
};

}  // namespace pg_hello::pending

#endif  // PG_HELLO_PENDING_CALL_STACK_H
