// Long answers, made of one picture for all who wait.
//
// A request joins the next round. When its turn comes, a round takes one snapshot and renders from
// it each representation that was asked for, one after the other and each once, however many wait
// for it. Who comes when the snapshot is taken already is in the round after it: so no answer is
// older than its request, and sixteen scrapes at once cost two renderings at most.
//
// Memory is bounded: there is one snapshot, which stays for the next one to be taken into, and one
// body half made, and kMaxBodies are being sent, each shared by all who are sent it. The next one
// is begun when one of them has gone, which is the reactor's to see to. At most kMaxJobs are waited
// for; who would need one more is told to come back later.
#ifndef PG_HELLO_ENDPOINTS_ROUNDS_H
#define PG_HELLO_ENDPOINTS_ROUNDS_H

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "pg_hello/http/content_coding.h"
#include "pg_hello/http/message.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::endpoints {

// The value of Vary of all these answers.
inline constexpr char kVary[] = "Accept, Accept-Encoding";

// Takes a snapshot into an earlier one, or into an empty one; see snapshot::TakeInto. What is
// thrown becomes a 500.
using SnapshotRenewal = std::function<void(snapshot::Snapshot& snapshot, snapshot::Detail detail)>;

// Works for about a millisecond; true at the end. Appends to `body`: with ContentCoding::kIdentity
// it is all that has been rendered so far, else it is empty at each call. Either may have room
// already.
using Rendering = std::function<bool(std::string& body)>;

struct Representation {
  // Equal for requests that are to be sent equal bodies.
  std::string key;
  http::ContentCoding coding = http::ContentCoding::kIdentity;
  const char* content_type = "";
  snapshot::Detail detail = snapshot::Detail::kEverything;  // it may get more than it needs
  // Begins a body. May be called again for a request that came later.
  std::function<Rendering(std::shared_ptr<const snapshot::Snapshot>)> render;
};

// Not thread-safe.
class Rounds {
 public:
  static constexpr std::size_t kMaxBodies = 7;
  static constexpr std::size_t kMaxJobs = 32;

  // `renew` is called once for each round.
  explicit Rounds(SnapshotRenewal renew);

  // A job for the representation, or 503 with Retry-After if there are kMaxJobs. The jobs may
  // outlive this object.
  http::Answer Join(Representation wanted);

 private:
  class Job;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pg_hello::endpoints

#endif  // PG_HELLO_ENDPOINTS_ROUNDS_H
