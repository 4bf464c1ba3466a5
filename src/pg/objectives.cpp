// When the objectives are counted: every few seconds, and never for more than a hundredth of the
// worker's time.
#include "pg/objectives.h"

#include <algorithm>
#include <string>
#include <utility>

#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg_hello/measure/tick_clock.h"
#include "pg_hello/objectives/tally.h"

namespace pg_hello::pg {
namespace {

constexpr std::int64_t kLookEveryMs = 5'000;
constexpr std::int64_t kPauseForWork = 100;  // times as long as the work took

struct Counting {
  objectives::Tally tally{shared_stats->slos};
  std::string setting;  // that it follows
  bool follows = false;
  std::int64_t next_look_ms = 0;

  // True if the setting has changed.
  bool FollowSetting() {
    if (follows && setting == settings.slo) {
      return false;
    }
    std::string now = settings.slo;
    tally.SetSlos(objectives::ParseSlos(now).slos, UnixTimeUs());
    setting = std::move(now);
    follows = true;
    return true;
  }
};

Counting* counting = nullptr;  // never destroyed: the process may exit at any time

}  // namespace

bool CountObjectives(std::int64_t now_ms) noexcept {
  try {
    if (counting == nullptr) {
      counting = new Counting;
    }
    if (!counting->FollowSetting() && now_ms < counting->next_look_ms) {
      return false;
    }
    counting->next_look_ms = now_ms + kLookEveryMs;  // also if there is no memory for it
    const std::uint64_t began_ns = measure::MonotonicNs();
    counting->tally.Look(snapshot::Take(*shared_stats, UnixTimeUs(), {}), now_ms);
    const auto took_ms = static_cast<std::int64_t>((measure::MonotonicNs() - began_ns) / 1'000'000);
    counting->next_look_ms = std::max(counting->next_look_ms, now_ms + took_ms * kPauseForWork);
    return true;
  } catch (...) {  // no memory: the next look counts it
    return false;
  }
}

}  // namespace pg_hello::pg
