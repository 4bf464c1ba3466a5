#include "pg_hello/measure/event_ring.h"

#include <algorithm>

namespace pg_hello::measure {

const EventRing::Look& EventRing::Kept(std::uint32_t age) const {
  return kept_[(next_ + kLooks - 1 - age) % kLooks];
}

void EventRing::Add(std::int64_t now_ms, const Events& running) {
  if (count_ > 0 && (now_ms < last_.at_ms || running.all < last_.running.all ||
                     running.bad < last_.running.bad)) {
    count_ = 0;
  }
  last_ = {now_ms, running};
  if (count_ > 0 && now_ms - Kept(0).at_ms < kStepMs) {
    return;
  }
  kept_[next_] = last_;
  next_ = static_cast<std::uint32_t>((next_ + 1) % kLooks);
  count_ = std::min(count_ + 1, static_cast<std::uint32_t>(kLooks));
}

Window EventRing::Over(std::int64_t length_ms) const {
  const std::int64_t earliest_ms = last_.at_ms - length_ms - kStepMs;
  Look first = last_;
  for (std::uint32_t age = 0; age < count_ && Kept(age).at_ms > earliest_ms; ++age) {
    first = Kept(age);
  }
  return {{last_.running.all - first.running.all, last_.running.bad - first.running.bad},
          last_.at_ms - first.at_ms};
}

}  // namespace pg_hello::measure
