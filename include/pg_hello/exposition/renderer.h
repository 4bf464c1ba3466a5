// A snapshot becomes a body in one of the formats, in steps: the worker has one thread, which must
// not be kept for long, and a body of ten thousand functions takes longer than that.
#ifndef PG_HELLO_EXPOSITION_RENDERER_H
#define PG_HELLO_EXPOSITION_RENDERER_H

#include <cstddef>
#include <memory>
#include <string>

#include "pg_hello/exposition/families.h"
#include "pg_hello/exposition/format.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// Not thread-safe; two renderers may share a snapshot.
class Renderer {
 public:
  // Keeps `snapshot`, which must not be null, while it lives. See FamilyWalk for what `options`
  // must be, and for what is thrown. Takes about 0.3 us for each function.
  Renderer(std::shared_ptr<const snapshot::Snapshot> snapshot, Format format, Options options);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  // Renders about as much as `units` samples are, and returns whether the body is complete. A unit
  // takes some 0.2 us, so that 10,000 are a few milliseconds. After the end nothing happens any
  // more. REQUIRES: units > 0.
  //
  // Throws std::bad_alloc; the renderer is good for nothing but its destructor then.
  bool Step(std::size_t units);

  // Samples rendered so far, in all that was and will be taken.
  std::size_t samples() const;

  // Makes room for a text of all of the body at once, which is then not moved while it grows.
  void ReserveBody();

  // What has been rendered since the last call: all of the body if it is called once, at the end;
  // pieces of it, to be joined, if it is called between steps.
  std::string TakeBody();
  // Exchanges what has been rendered for `body`: what comes next is appended to that.
  void SwapBody(std::string& body) { body_.swap(body); }

 private:
  const std::shared_ptr<const snapshot::Snapshot> snapshot_;
  const Options options_;
  std::string body_;
  const std::unique_ptr<FamilyWriter> writer_;
  FamilyWalk walk_;
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_RENDERER_H
