// The jobs that make long responses: one after the other, in the order in which they were asked
// for, so that only one of them is half done. Knows nothing of who waits for them.
#ifndef PG_HELLO_HTTP_JOB_QUEUE_H
#define PG_HELLO_HTTP_JOB_QUEUE_H

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "pg_hello/http/message.h"

namespace pg_hello::http {

class JobQueue {
 public:
  // Whether nobody waits for anything.
  bool empty() const { return jobs_.empty(); }
  // Whether the first job wants room, as the last Work() found.
  bool blocked() const { return blocked_ && !jobs_.empty(); }

  // A job that is in the queue already stays where it is. It is not kept: who waits for it does
  // that, and if nobody does any more, it is passed over. Throws std::bad_alloc.
  void Add(const std::shared_ptr<Job>& job);

  // Works until `slice_us` are over by `clock`, at least one step, and calls `finished` with each
  // job that was ended and its response. A job that wants room waits, and all behind it, unless
  // `make_room` can make some. Neither must throw.
  using MakeRoom = std::function<bool()>;
  using Finished = std::function<void(const std::shared_ptr<Job>&, const Response&)>;
  void Work(const std::function<std::int64_t()>& clock, std::int64_t slice_us,
            const MakeRoom& make_room, const Finished& finished) noexcept;

 private:
  std::deque<std::weak_ptr<Job>> jobs_;
  bool blocked_ = false;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_JOB_QUEUE_H
