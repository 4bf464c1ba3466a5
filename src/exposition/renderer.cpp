// Ties a format's writer to the walk; the only place that knows all writers.
#include "pg_hello/exposition/renderer.h"

#include <utility>

#include "exposition/function_labels.h"
#include "pg_hello/exposition/openmetrics_format.h"
#include "pg_hello/exposition/protobuf_format.h"
#include "pg_hello/exposition/text_format.h"

namespace pg_hello::exposition {
namespace {

std::unique_ptr<FamilyWriter> MakeWriter(Format format, std::string& body) {
  switch (format) {
    case Format::kOpenMetrics:
      return MakeOpenMetricsWriter(body);
    case Format::kProtobuf:
      return MakeProtobufWriter(body);
    case Format::kText:
      break;
  }
  return MakeTextWriter(body);
}

}  // namespace

Renderer::Renderer(std::shared_ptr<const snapshot::Snapshot> snapshot, Format format,
                   Options options)
    : format_(format) {
  Restart(std::move(snapshot), std::move(options));
}

Renderer::~Renderer() = default;

void Renderer::Restart(std::shared_ptr<const snapshot::Snapshot> snapshot, Options options) {
  snapshot_ = std::move(snapshot);
  options_ = std::move(options);
  if (labels_ == nullptr || !labels_->Fits(*snapshot_)) {
    labels_.reset();
    writer_ = MakeWriter(format_, body_);
    labels_ = std::make_shared<FunctionLabels>(*snapshot_, *writer_);
  }
  walk_.emplace(*snapshot_, options_, *writer_, labels_);
}

bool Renderer::Step(std::size_t units) {
  if (!walk_) {
    return true;
  }
  const bool done = walk_->Step(units);
  samples_ = walk_->samples();
  if (done) {
    walk_.reset();
    snapshot_.reset();
  }
  return done;
}

void Renderer::ReserveBody() { body_.reserve(TextLength(*snapshot_, options_)); }

std::string Renderer::TakeBody() { return std::exchange(body_, {}); }

std::unique_ptr<Renderer> IdleRenderers::Begin(std::shared_ptr<const snapshot::Snapshot> snapshot,
                                               Format format, Options options) {
  std::unique_ptr<Renderer> renderer = std::move(idle_[static_cast<std::size_t>(format)]);
  if (renderer == nullptr) {
    return std::make_unique<Renderer>(std::move(snapshot), format, std::move(options));
  }
  renderer->Restart(std::move(snapshot), std::move(options));
  return renderer;
}

void IdleRenderers::Keep(std::unique_ptr<Renderer> renderer) {
  const auto format = static_cast<std::size_t>(renderer->format());
  idle_[format] = std::move(renderer);
}

}  // namespace pg_hello::exposition
