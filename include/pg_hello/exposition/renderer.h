// A snapshot becomes a body in one of the formats, in steps: the worker has one thread, which must
// not be kept for long, and a body of ten thousand functions takes longer than that. And the next
// snapshot the next body: a renderer keeps what it has made of the functions' names.
#ifndef PG_HELLO_EXPOSITION_RENDERER_H
#define PG_HELLO_EXPOSITION_RENDERER_H

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "pg_hello/exposition/families.h"
#include "pg_hello/exposition/format.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// Not thread-safe; two renderers may share a snapshot.
class Renderer {
 public:
  // Keeps `snapshot`, which must not be null, until the body is complete. See FamilyWalk for what
  // `options` must be, and for what is thrown. Takes about 0.2 us for each function.
  Renderer(std::shared_ptr<const snapshot::Snapshot> snapshot, Format format, Options options);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  // Begins another body in the same format. Takes no time worth mentioning if the snapshot has the
  // same series as the last one. REQUIRES: the last body is complete. Throws as the constructor;
  // the renderer is good for nothing but its destructor then.
  void Restart(std::shared_ptr<const snapshot::Snapshot> snapshot, Options options);

  // Renders about as much as `units` samples are, and returns whether the body is complete. A unit
  // takes some 0.1 us, so that 10,000 are about a millisecond. After the end nothing happens any
  // more. REQUIRES: units > 0.
  //
  // Throws std::bad_alloc; the renderer is good for nothing but its destructor then.
  bool Step(std::size_t units);

  Format format() const { return format_; }

  // Samples of the body rendered so far, in all that was and will be taken.
  std::size_t samples() const { return samples_; }

  // Makes room for a text of all of the body at once, which is then not moved while it grows.
  // REQUIRES: the body is not complete.
  void ReserveBody();

  // What has been rendered since the last call: all of the body if it is called once, at the end;
  // pieces of it, to be joined, if it is called between steps.
  std::string TakeBody();
  // Exchanges what has been rendered for `body`: what comes next is appended to that.
  void SwapBody(std::string& body) { body_.swap(body); }

 private:
  const Format format_;
  std::string body_;
  std::unique_ptr<FamilyWriter> writer_;
  std::shared_ptr<FunctionLabels> labels_;  // that the writer has
  // Of the body that is being rendered.
  std::shared_ptr<const snapshot::Snapshot> snapshot_;
  Options options_;
  std::optional<FamilyWalk> walk_;
  std::size_t samples_ = 0;
};

// Renderers between two bodies, one of each format at most. Not thread-safe.
class IdleRenderers {
 public:
  // One that has begun the body: an idle one, or else a new one. Throws as Renderer's constructor.
  std::unique_ptr<Renderer> Begin(std::shared_ptr<const snapshot::Snapshot> snapshot, Format format,
                                  Options options);
  // REQUIRES: its body is complete.
  void Keep(std::unique_ptr<Renderer> renderer);

 private:
  std::array<std::unique_ptr<Renderer>, kFormatCount> idle_;
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_RENDERER_H
