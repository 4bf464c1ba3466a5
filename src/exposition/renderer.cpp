// Ties a format's writer to the walk; the only place that knows all writers.
#include "pg_hello/exposition/renderer.h"

#include <utility>

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
    : snapshot_(std::move(snapshot)),
      options_(std::move(options)),
      writer_(MakeWriter(format, body_)),
      walk_(*snapshot_, options_, *writer_) {}

Renderer::~Renderer() = default;

bool Renderer::Step(std::size_t units) { return walk_.Step(units); }

std::size_t Renderer::samples() const { return walk_.samples(); }

void Renderer::ReserveBody() { body_.reserve(TextLength(*snapshot_, options_)); }

std::string Renderer::TakeBody() { return std::exchange(body_, {}); }

}  // namespace pg_hello::exposition
