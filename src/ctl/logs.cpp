#include "ctl/logs.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>

namespace pg_hello::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr timespec kPause = {0, 200'000'000};
// A file may be written to after it was renamed, for as long as its writer has it open. So many are
// kept an eye on; then the one that was silent for longest is let go.
constexpr std::size_t kMaxWatched = 64;

void SetTimeZone(const std::string& zone) {
  if (!zone.empty()) setenv("TZ", zone.c_str(), 1);
  tzset();
}

Finding Unreadable(const std::string& path, const std::string& reason) {
  return {"log", Severity::kUnknown, "", "could not read \"" + path + "\": " + reason,
          reason == "Permission denied"
              ? "run it as the user who runs the server, or as a member of the log's group"
              : ""};
}

// One file, or several in a row that were one, as events.
class Reading {
 public:
  Reading(const LogPlace& place, std::string path, std::optional<UnixMs> since,
          std::function<void(const LogEntry&)> sink)
      : place_(place), path_(std::move(path)), since_(since), sink_(std::move(sink)) {}

  void Line(std::string_view line) {
    if (!decoder_) {
      decoder_ = std::make_unique<LogDecoder>(place_.format.value_or(GuessLogFormat(path_, line)),
                                              place_.prefix,
                                              [this](const LogEntry& entry) { Entry(entry); });
    }
    decoder_->Line(line);
  }

  void Flush() {
    if (decoder_) decoder_->Flush();
  }

 private:
  void Entry(const LogEntry& entry) {
    if (entry.time) {
      last_time_ = entry.time;
      if (since_ && *entry.time < *since_) return;
    } else if (since_ && last_time_ && *last_time_ < *since_) {
      return;  // without a time of its own, it is as old as what stands before it
    }
    sink_(entry);
  }

  const LogPlace& place_;
  std::string path_;
  std::optional<UnixMs> since_;
  std::function<void(const LogEntry&)> sink_;
  std::unique_ptr<LogDecoder> decoder_;
  std::optional<UnixMs> last_time_;
};

std::vector<std::string> FilesOf(const LogPlace& place, std::optional<UnixMs> since) {
  std::vector<std::string> files = place.files;
  for (const LogSet& set : place.sets) {
    for (std::string& file : FilesOf(set, since)) files.push_back(std::move(file));
  }
  return files;
}

class Follower {
 public:
  Follower(const LogPlace& place, std::optional<UnixMs> since, LogEvents& events,
           const FollowHooks& hooks)
      : place_(place), since_(since), events_(events), hooks_(hooks) {}

  void Run() {
    Look(since_ ? std::optional<off_t>(0) : std::nullopt);
    while (!hooks_.stop()) {
      if (!Turn()) nanosleep(&kPause, nullptr);
    }
    Turn();
    for (auto& [tail, reading, heard] : watched_) {
      tail->Rest([&to = *reading](std::string_view line) { to.Line(line); });
      reading->Flush();
    }
  }

 private:
  struct Watched {
    std::unique_ptr<Tail> tail;
    std::unique_ptr<Reading> reading;
    Clock::time_point heard;
  };

  std::unique_ptr<Reading> NewReading(const std::string& path) {
    return std::make_unique<Reading>(place_, path, since_, [this](const LogEntry& entry) {
      if (events_.Add(entry)) hooks_.happened(events_.latest());
    });
  }

  // Begins with files that were not there before.
  void Look(std::optional<off_t> offset) {
    for (const std::string& path : FilesOf(place_, since_)) {
      const auto identity = IdentityOf(path);
      const bool known =
          identity && std::find(seen_.begin(), seen_.end(), *identity) != seen_.end();
      if (known) continue;
      if (identity) seen_.push_back(*identity);
      // A compressed file is an old one: of one that was followed, which is known by then, or of
      // one from before.
      if (IsCompressed(path)) {
        if (first_look_ && since_) ReadOld(path);
        continue;
      }
      std::unique_ptr<Tail> tail;
      if (const std::string reason = Tail::Open(path, offset, tail); !reason.empty()) {
        if (complained_.insert({path, reason}).second) hooks_.trouble(Unreadable(path, reason));
        continue;
      }
      if (watched_.size() >= kMaxWatched) LetOneGo();
      watched_.push_back({std::move(tail), NewReading(path), Clock::now()});
      if (first_look_ && since_) Read(watched_.back());
    }
    first_look_ = false;
  }

  bool Read(Watched& watched) {
    const bool heard = watched.tail->Read(
        [&reading = *watched.reading](std::string_view line) { reading.Line(line); });
    if (heard) {
      watched.heard = Clock::now();
    } else {
      watched.reading->Flush();
    }
    return heard;
  }

  void LetOneGo() {
    const auto silent = std::min_element(
        watched_.begin(), watched_.end(),
        [](const Watched& left, const Watched& right) { return left.heard < right.heard; });
    silent->reading->Flush();
    watched_.erase(silent);
  }

  void ReadOld(const std::string& path) {
    const auto reading = NewReading(path);
    const std::string reason =
        ReadCompressed(path, [&](std::string_view line) { reading->Line(line); });
    reading->Flush();
    if (!reason.empty()) hooks_.trouble(Unreadable(path, reason));
  }

  bool Turn() {
    bool any = false;
    for (Watched& watched : watched_) {
      if (const auto offset = watched.tail->Truncated()) ReadCopy(watched, *offset);
      any = Read(watched) || any;
    }
    Look(0);
    return any;
  }

  // The file was copied, and then emptied: what was written before, and not read yet, is in the
  // copy, the newest of the other files.
  void ReadCopy(Watched& watched, off_t offset) {
    const auto files = FilesOf(place_, std::nullopt);
    for (auto path = files.rbegin(); path != files.rend(); ++path) {
      const auto identity = IdentityOf(*path);
      const bool known =
          !identity || std::find(seen_.begin(), seen_.end(), *identity) != seen_.end();
      if (known || IsCompressed(*path)) continue;
      std::unique_ptr<Tail> tail;
      if (!Tail::Open(*path, offset, tail).empty()) continue;
      seen_.push_back(*identity);
      const auto line = [&](std::string_view text) { watched.reading->Line(text); };
      tail->Read(line);
      tail->Rest(line);
      watched.reading->Flush();
      return;
    }
  }

  const LogPlace& place_;
  std::optional<UnixMs> since_;
  LogEvents& events_;
  const FollowHooks& hooks_;
  std::vector<Watched> watched_;
  std::vector<FileIdentity> seen_;
  std::set<std::pair<std::string, std::string>> complained_;
  bool first_look_ = true;
};

}  // namespace

void ReadLog(const LogPlace& place, std::optional<UnixMs> since, LogEvents& events,
             Findings& findings) {
  SetTimeZone(place.time_zone);
  for (const std::string& path : FilesOf(place, since)) {
    Reading reading(place, path, since, [&](const LogEntry& entry) { events.Add(entry); });
    const auto line = [&](std::string_view text) { reading.Line(text); };
    std::string reason;
    if (IsCompressed(path)) {
      reason = ReadCompressed(path, line);
    } else {
      std::unique_ptr<Tail> tail;
      reason = Tail::Open(path, 0, tail);
      if (reason.empty()) {
        tail->Read(line);
        tail->Rest(line);
      }
    }
    reading.Flush();
    if (!reason.empty()) findings.push_back(Unreadable(path, reason));
  }
}

void FollowLog(const LogPlace& place, std::optional<UnixMs> since, LogEvents& events,
               const FollowHooks& hooks) {
  SetTimeZone(place.time_zone);
  Follower(place, since, events, hooks).Run();
}

}  // namespace pg_hello::ctl
