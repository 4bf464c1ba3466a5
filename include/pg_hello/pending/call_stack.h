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

// A cache line of its own for each, so that a frame's address is its depth shifted. What is asked
// of the innermost open call at every event stands in the stack itself; a frame keeps what stood
// there for its caller.
struct alignas(64) CallFrame {
  const void* site;
  FunctionRef* ref;
  std::uint64_t callers_callees_ns;
  std::uint64_t start;  // ticks; meaningless if ref is null
  std::uintptr_t callers_address;
};

// Room for all frames, and one at either end that stands for "none" and for "too deep". Apart from
// the stack so that it can be zero-initialized memory, of which a process pays only for the pages
// it touches.
struct CallFrames {
  CallFrame frames[kMaxDepth + 2];
};

// Clock: anything with the functions of measure::TickClock.
template <typename Clock>
class alignas(64) CallStack {
 public:
  // Ready for use in this process. `stack_base`: an address near the base of the C stack.
  // Everything passed must outlive the stack.
  void Attach(shared::SharedStats* stats, shared::BackendSlot* slot, CallFrames* frames,
              const void* stack_base) {
    stats_ = stats;
    slot_ = slot;
    frames_ = frames->frames;
    stack_base_ = reinterpret_cast<std::uintptr_t>(stack_base);
    too_deep_ = 0;
    callees_ns_ = 0;
    // No site is null, so neither end ever matches one.
    frames_[0] = {};
    frames_[kMaxDepth + 1] = {};
    address_ = kAboveAll;
    SetTop(frames_);
  }

  bool attached() const { return slot_ != nullptr; }
  // Open calls, but for those that are too deep.
  std::uint32_t depth() const { return TopNumber() - (too_deep_ > 0 ? 1 : 0); }

  // Calls that are open keep the clock they began with: REQUIRES depth() == 0.
  void set_clock(const Clock& clock) {
    clock_ = clock;
    quick_depth_ = clock.IsQuick() ? shared::kVisibleDepth : 0;
  }

  // A call begins. `ref` is null for a call that is not tracked: its frame keeps the stack in
  // step, and its time belongs to its caller. False: the stack is too deep, the call will not be
  // timed (End() will say nothing of it).
  bool Begin(const void* site, FunctionRef* ref, const void* stack_address) {
    const auto address = reinterpret_cast<std::uintptr_t>(stack_address);
    if (address_ <= address) [[unlikely]] {
      if (!MakeRoom(address)) {
        return false;
      }
    }
    if (TopNumber() == kMaxDepth) [[unlikely]] {
      CallFrame* frame = top_ + 1;
      frame->callers_address = address_;
      address_ = kBelowAll;
      top_ = frame;
      too_deep_ = 1;
      return false;
    }
    Push(site, ref, address);
    return true;
  }

  // Whether the clock is one for TryBegin() and Ending().
  bool IsQuick() const { return quick_depth_ > 0; }
  std::uint64_t QuickNow() const { return clock_.QuickNow(); }

  // The common case of Begin(), without a call on its way: the call is tracked, the stack in order
  // and not deeper than others can see, the clock quick. False if it is not; nothing is done then.
  [[gnu::always_inline]] bool TryBegin(const void* site, FunctionRef* ref,
                                       const void* stack_address) {
    const auto address = reinterpret_cast<std::uintptr_t>(stack_address);
    const std::uint32_t place = TopNumber();
    if (address_ <= address || place >= quick_depth_) [[unlikely]] {
      return false;
    }
    // All that can be done before the clock is read, so that as little as can be of what is done
    // here counts as the function's time.
    CallFrame* frame = PushUntimed(site, ref, address);
    ++ref->active;
    const shared::RowEpoch shown = ref->row_epoch;
    shared::BackendSlot& slot = *slot_;
    frame->start = clock_.QuickNow();
    Show(slot, place, frame->start, shown);
    return true;
  }

  // The innermost open call of `site` ends. The function, with `sample` filled in, if there is
  // something to record; null if the call was untracked, too deep or unknown.
  FunctionRef* End(const void* site, shared::CallSample* sample) {
    if (top_->site != site) [[unlikely]] {
      if (!MakeTop(site)) {
        return nullptr;
      }
    }
    FunctionRef* ref = top_->ref;
    if (ref != nullptr) [[likely]] {
      *sample = Pop(*ref, clock_.Now());
    } else {
      PopUntimed(callees_ns_);
    }
    return ref;
  }

  // The common case of End(), in two steps, without a call on their way: the function whose call
  // ends, if it is tracked, the innermost and `site`'s; else null.
  [[gnu::always_inline]] FunctionRef* Ending(const void* site) const {
    return top_->site == site ? top_->ref : nullptr;
  }
  // REQUIRES: Ending() has just returned `ref`. `now`: what QuickNow() said when the call ended;
  // IsQuick().
  [[gnu::always_inline]] shared::CallSample EndAt(FunctionRef& ref, std::uint64_t now) {
    return Pop(ref, now);
  }

  // No call is open any more (the backend exits): ends all of them, innermost first, and hands each
  // tracked one to `record(site, ref, sample)`.
  template <typename Record>
  void EndAll(Record record) {
    if (too_deep_ > 0) {
      LeaveDepth();
    }
    while (top_ > frames_) {
      const void* site = top_->site;
      shared::CallSample sample;
      if (FunctionRef* ref = End(site, &sample)) {
        record(site, *ref, sample);
      }
    }
  }

 private:
  static constexpr std::uintptr_t kAboveAll = UINTPTR_MAX;
  static constexpr std::uintptr_t kBelowAll = 0;
  // Longer than any call; ticks that went backwards come out as more.
  static constexpr std::uint64_t kImpossibleNs = std::uint64_t{1} << 56;  // two years

  // Stands in for the end of a stack that is not attached, so that nobody need ask before looking.
  static inline CallFrame no_frame_{};

  std::uint32_t TopNumber() const { return static_cast<std::uint32_t>(top_ - frames_); }

  void SetTop(CallFrame* top) {
    top_ = top;
    slot_->depth.store(TopNumber(), std::memory_order_relaxed);
  }

  [[gnu::always_inline]] CallFrame* PushUntimed(const void* site, FunctionRef* ref,
                                                std::uintptr_t address) {
    CallFrame* frame = top_ + 1;
    frame->site = site;
    frame->ref = ref;
    frame->callers_callees_ns = callees_ns_;
    frame->callers_address = address_;
    callees_ns_ = 0;
    address_ = address;
    top_ = frame;
    return frame;
  }

  // The depth last, the start before the function: what a reader sees of a call is complete.
  [[gnu::always_inline]] static void Show(shared::BackendSlot& slot, std::uint32_t place,
                                          std::uint64_t start, shared::RowEpoch function) {
    slot.active[place].start_ticks.store(start, std::memory_order_relaxed);
    slot.active[place].function.store(function, std::memory_order_release);
    slot.depth.store(place + 1, std::memory_order_release);
  }

  void Push(const void* site, FunctionRef* ref, std::uintptr_t address) {
    const std::uint32_t place = TopNumber();
    CallFrame* frame = PushUntimed(site, ref, address);
    shared::RowEpoch shown = 0;
    if (ref != nullptr) [[likely]] {
      ++ref->active;
      shown = ref->row_epoch;
    }
    frame->start = clock_.Now();
    if (place < shared::kVisibleDepth) [[likely]] {
      Show(*slot_, place, frame->start, shown);
    } else {
      slot_->depth.store(place + 1, std::memory_order_relaxed);
    }
  }

  // The innermost call, a tracked one of `ref`, has ended at `now`.
  [[gnu::always_inline]] shared::CallSample Pop(FunctionRef& ref, std::uint64_t now) {
    std::uint64_t elapsed = clock_.ToNs(now - top_->start);
    std::uint64_t self = elapsed - callees_ns_;
    if (self >= kImpossibleNs) [[unlikely]] {
      stats_->clock_anomalies.fetch_add(1, std::memory_order_relaxed);
      elapsed = callees_ns_;
      self = 0;
    }
    const bool outermost = --ref.active == 0;
    PopUntimed(elapsed);
    return {elapsed, self, outermost};
  }

  // The innermost call has ended; `elapsed_ns` is what its caller did not do itself.
  [[gnu::always_inline]] void PopUntimed(std::uint64_t elapsed_ns) {
    CallFrame* frame = top_;
    callees_ns_ = frame->callers_callees_ns + elapsed_ns;
    address_ = frame->callers_address;
    SetTop(frame - 1);
  }

  // A dropped frame is like an untracked one: what its callees took is not its caller's own time.
  void Drop() {
    const CallFrame& frame = *top_;
    if (frame.ref != nullptr) {
      --frame.ref->active;
    }
    callees_ns_ += frame.callers_callees_ns;
    address_ = frame.callers_address;
    SetTop(top_ - 1);
  }

  // The deepest frame that is timed is the innermost one again.
  void LeaveDepth() {
    too_deep_ = 0;
    address_ = top_->callers_address;
    SetTop(top_ - 1);
  }

  bool OnMainStack(std::uintptr_t address) const { return stack_base_ - address < kMaxStackBytes; }

  // A call begins where one cannot: while the stack is too deep, or below a frame whose call cannot
  // be open any more (the stack grows downwards, so a caller's frame lies above its callee's).
  // False if it is indeed too deep.
  [[gnu::noinline, gnu::cold]] bool MakeRoom(std::uintptr_t address) {
    const std::uintptr_t innermost = too_deep_ > 0 ? top_->callers_address : address_;
    if (innermost > address || !OnMainStack(address) || !OnMainStack(innermost)) {
      too_deep_ += too_deep_ > 0 ? 1 : 0;
      return too_deep_ == 0;
    }
    if (too_deep_ > 0) {
      LeaveDepth();
    }
    std::uint32_t dropped = 0;
    while (address_ <= address && OnMainStack(address_)) {
      Drop();
      ++dropped;
    }
    stats_->stack_resyncs.fetch_add(dropped, std::memory_order_relaxed);
    return true;
  }

  // After an event that does not fit the innermost frame. True if the frame of `site` is now the
  // innermost one.
  [[gnu::noinline, gnu::cold]] bool MakeTop(const void* site) {
    if (too_deep_ > 0) {
      if (--too_deep_ == 0) {
        LeaveDepth();
      }
      return false;
    }
    CallFrame* match = top_;
    while (match > frames_ && match->site != site) {
      --match;
    }
    if (match == frames_) {
      stats_->stack_resyncs.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    stats_->stack_resyncs.fetch_add(static_cast<std::uint64_t>(top_ - match),
                                    std::memory_order_relaxed);
    while (top_ > match) {
      Drop();
    }
    return true;
  }

  // One cache line: what every call touches.
  CallFrame* top_ = &no_frame_;
  std::uintptr_t address_ = kAboveAll;  // of the innermost open call
  CallFrame* frames_ = nullptr;
  std::uint64_t callees_ns_ = 0;  // time of its callees so far
  shared::BackendSlot* slot_ = nullptr;
  Clock clock_;
  std::uint32_t quick_depth_ = 0;  // TryBegin() is for fewer open calls than these
  std::uint32_t too_deep_ = 0;

  shared::SharedStats* stats_ = nullptr;
  std::uintptr_t stack_base_ = 0;
};

}  // namespace pg_hello::pending

#endif  // PG_HELLO_PENDING_CALL_STACK_H
